"""Coresets of points: Löwner ellipsoids, Carathéodory's theorem, peeling."""

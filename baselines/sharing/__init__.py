"""Pruning and weight sharing of HAM/sHAM (Marinò et al. 2020, 2021; relatives.md A1)."""

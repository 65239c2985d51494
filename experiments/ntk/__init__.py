"""The NTK-LC track: random networks of which only the read-out is trained."""

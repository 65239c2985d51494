"""Ours against theirs: a paper's tables, figures that were seen, and our own committed cells."""

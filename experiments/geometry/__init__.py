"""The geometry experiments: what the general tables and figures do not show."""

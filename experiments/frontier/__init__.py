"""The frontier: pictures, tables and verdicts that the general ones do not show."""

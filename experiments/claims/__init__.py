"""Verdicts on published claims, from the committed summaries alone."""

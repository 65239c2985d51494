"""The harness: everything that touches disk or configuration."""

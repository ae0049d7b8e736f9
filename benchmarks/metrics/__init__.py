"""Metrics, one a file, named like the file."""

"""Subjects of `python -m benchmarks speed`, one a file, named like the file."""

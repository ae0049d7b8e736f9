"""One subject of `python -m benchmarks speed` a file, named like the file."""

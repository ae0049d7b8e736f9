"""The harness: every method on the same photons, scored, recorded and reported. See ``python -m benchmarks --help``."""

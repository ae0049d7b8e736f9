"""Run every method on the same photons, score, record and report it. See ``python -m benchmarks --help``."""

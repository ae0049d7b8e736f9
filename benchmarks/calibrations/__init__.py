"""Longer evidence, one subject a file (see `benchmarks.calibration`)."""

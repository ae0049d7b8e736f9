"""Measurements that take longer than a test, one subject a file (see `benchmarks.calibration`)."""

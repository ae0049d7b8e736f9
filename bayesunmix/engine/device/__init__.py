"""Lay photons out so that the device is fast on them, and make random numbers."""

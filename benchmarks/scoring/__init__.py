"""Compute what scores share: matching with the truth, phase maps, draws and intervals, expected counts."""

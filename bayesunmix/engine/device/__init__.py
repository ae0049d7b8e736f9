"""Photons in the layout that devices are fast on, and random numbers."""

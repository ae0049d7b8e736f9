"""Compute point estimates: starts, descent, EM, and their errors."""

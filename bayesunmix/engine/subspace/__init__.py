"""Compute principal components, rotate them, and find the corners of the simplex that they span."""

"""Lay a map of labels on the counts: orientation, offset, scale, shift, and the width of edges."""

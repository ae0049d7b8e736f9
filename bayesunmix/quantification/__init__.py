"""Quantify: what components, regions and phases are made of, in atomic and weight per cent, with every error."""

"""Estimate how much of a map is not what it says, with spectra that do not come from the claim."""

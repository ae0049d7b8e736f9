"""Test whether phases are what a claim says, without their spectra: cores, exchange of photons, rims, missed phases."""

"""Models that the Bayesian methods are built of: priors of the maps, and models of the spectra."""

"""Priors of abundance maps and models of endmembers, one file each."""

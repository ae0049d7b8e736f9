"""Check claimed spectra, element lists and element maps by the lines of X-rays."""

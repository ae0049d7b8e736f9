"""One phantom a file; the file name is the registered name."""

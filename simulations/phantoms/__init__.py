"""One phantom per file; the file name is the registered name."""

"""One abundance prior per file, with the name of the file."""

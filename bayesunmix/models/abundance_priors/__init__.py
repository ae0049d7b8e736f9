"""One abundance prior a file, named like the file."""

"""One metric a file, named like the file."""

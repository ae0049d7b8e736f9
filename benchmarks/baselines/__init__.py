"""One baseline a file, named like the file."""

"""One endmember model per file, with the name of the file."""

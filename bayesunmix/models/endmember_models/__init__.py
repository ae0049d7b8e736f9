"""One endmember model a file, named like the file."""

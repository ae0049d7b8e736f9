"""One page of results a file, named like the file (see `benchmarks.site`)."""

"""Pages of results, one a file, named like the file (see `benchmarks.site`)."""

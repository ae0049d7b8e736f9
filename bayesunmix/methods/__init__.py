"""One method per file; see `bayesunmix.method`."""

"""One method per file; see `bayesunmix.contracts.method`."""

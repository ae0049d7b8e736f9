"""Check whether a result fits the counts, and where not: one kind of test per file; `check` runs them all."""

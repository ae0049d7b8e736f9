"""Does a result fit the counts, and if not, where: one kind of test a file, and `check`, which runs them all."""

"""What a reader is shown of a set of results: the ranking, the figures, the report."""

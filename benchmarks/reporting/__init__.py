"""Show a set of results to a reader: ranking, figures, tables, reports and pages."""

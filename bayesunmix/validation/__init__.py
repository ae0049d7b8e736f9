"""Hold a claim against the counts it was made from: registration, tests, verdicts, and the page that shows them."""

"""Draw maps under the multiscale prior: a pyramid of blocks that split their counts."""

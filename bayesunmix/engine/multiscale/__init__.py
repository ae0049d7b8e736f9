"""The multiscale prior of maps: a pyramid of blocks that split their counts."""

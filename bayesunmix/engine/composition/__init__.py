"""Draw the composition of every pixel from a palette of mixtures with exact zeros."""

"""Find how many components an image has: one criterion per file, and `rank`, which combines them."""

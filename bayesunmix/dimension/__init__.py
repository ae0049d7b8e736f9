"""How many components an image holds: one criterion a file, and `rank`, which asks them all."""

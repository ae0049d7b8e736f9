"""Point estimates: starts, descent, EM, and their errors."""

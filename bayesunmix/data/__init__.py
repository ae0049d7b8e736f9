"""What goes in and what comes out: spectrum images, factorizations, posteriors, results."""

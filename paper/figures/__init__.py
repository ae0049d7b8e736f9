"""One script per figure; each writes a PNG of its own name beside itself."""

"""Principal components, their rotation, and the corners of what they span."""

"""What surrounds a computation: progress, cost, compiled code, files that appear whole."""

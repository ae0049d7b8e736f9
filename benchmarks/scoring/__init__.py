"""What scores share: how a result is lined up with the truth, phase maps, draws and intervals, expected counts."""

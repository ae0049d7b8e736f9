"""Markov chains over endmembers and maps."""

"""Sample endmembers and maps by Markov chains."""

"""What a vendor's program, or anybody, says about a map: the claim, and the files that it is written in."""

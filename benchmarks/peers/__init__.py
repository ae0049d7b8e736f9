"""Peers, other people's unmixing run on our images: one a file, each in a process of its own."""

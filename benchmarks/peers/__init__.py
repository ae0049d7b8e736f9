"""Other people's unmixing, run on our images: one peer a file, in a process of its own."""

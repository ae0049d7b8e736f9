"""What `repr` and notebooks show of images and results, without a drawing library."""

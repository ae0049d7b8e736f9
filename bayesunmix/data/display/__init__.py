"""Show images and results at the prompt (`repr`) and in notebooks, without a drawing library."""

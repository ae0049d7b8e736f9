"""The study, rebuilt from results: one script per figure in `figures/`, run as `python -m paper.figures.NAME`."""

"""Draw how far ranks of true abundances among their draws are from uniform: a line a dose and seed, and bands.

Pixels of one image are not independent, so the band is not that of so many ranks: it is the 95 % interval of the mean
over seeds, simultaneous over all edges by Bonferroni's inequality. Of two seeds it would be wider than the figure.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from benchmarks.reporting.axes import quiet, title
from benchmarks.reporting.coverage_table import MODELS
from benchmarks.reporting.dose_figure import styles
from benchmarks.reporting.rank_band import BAND_CONFIDENCE, ecdf_difference

_FEWEST_SEEDS = 3  # of a band
_NEAR = 0.02  # the least that is drawn


def pit_figures(source: str, trials: pd.DataFrame) -> Iterator[tuple[str, str, Figure]]:
    """Draw the ranks of each phantom and model.

    Parameters
    ----------
    source : str
        A key of `MODELS`.
    trials : DataFrame
        Its rows; those whose column `pit` is empty, or older than it, are left out.

    Yields
    ------
    phantom, model : str
    figure : Figure
    """
    for (phantom, model), rows in trials.groupby(["phantom", MODELS[source]], sort=False):
        if "pit" in rows and (measured := rows.dropna(subset="pit")).size:
            histograms = {
                dose: np.array([cell.split() for cell in cells], float)
                for dose, cells in measured.groupby("dose")["pit"]
            }
            yield phantom, model, _figure(f"{phantom}, {model}", histograms)


def _figure(whose: str, histograms: dict[float, np.ndarray]) -> Figure:
    """Draw histograms (seeds, bins) by dose."""
    figure = Figure(figsize=(4.4, 3.1))
    axes = figure.add_axes((0.13, 0.155, 0.85, 0.745))
    axes.axhline(0, color="#222222", linewidth=0.8)
    farthest = _NEAR
    drawn = styles([f"{dose:06g}" for dose in histograms], (), ())
    for (dose, of_seeds), style in zip(histograms.items(), drawn.values(), strict=True):
        difference = ecdf_difference(of_seeds)
        edges = np.linspace(0, 1, difference.shape[1])
        mean, seeds = difference.mean(axis=0), len(difference)
        axes.plot(edges, mean, color=style.colour, linewidth=1.2, label=f"{dose:g} counts, {_seeds(seeds)}")
        axes.plot(edges, difference.T, color=style.colour, linewidth=0.5, alpha=0.5)
        farthest = max(farthest, float(np.abs(difference).max()))
        if seeds >= _FEWEST_SEEDS:
            n_edges = difference.shape[1] - 2
            quantile = stats.t.ppf(1 - (1 - BAND_CONFIDENCE) / (2 * n_edges), seeds - 1)
            half = quantile * difference.std(axis=0, ddof=1) / np.sqrt(seeds)
            axes.fill_between(edges, mean - half, mean + half, color=style.colour, alpha=0.13, linewidth=0)
    axes.set_xlim(0, 1)
    axes.set_ylim(-1.5 * farthest, 1.5 * farthest)
    axes.set_xlabel("rank of the truth among the draws, as a share", fontsize=8.5)
    axes.legend(fontsize=7.5, frameon=False)
    title(axes, "PIT: ECDF - uniform", whose)
    quiet(axes, "y")
    return figure


def _seeds(n: int) -> str:
    return "one seed" if n == 1 else f"{n} seeds"

"""A denoised spectrum with its band, over the counts that were measured."""

import numpy as np
from matplotlib.figure import Figure

from bayesunmix.analysis.denoising import Band
from bayesunmix.plotting.style import COLOURS, Picture, mark


def plot_band(
    channels: np.ndarray, counts: np.ndarray, band: Band, interval: float, label: str = "Energy (keV)"
) -> Figure:
    """Draw measured counts, and what a result expects, on a square-root scale.

    Parameters
    ----------
    channels : (C,) array
        The centre of each channel.
    counts : (C,) array
        Measured counts of the same pixels.
    band : Band
    interval : float
        Probability of the band.
    label : str
        What the centres are, with their unit.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    figure = Picture(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.step(channels, counts, where="mid", color="0.6", lw=0.7, label="measured counts")
    said = f"{100 * interval:g} % interval of the expected counts"
    axes.fill_between(channels, band.lower, band.upper, color=COLOURS[0], alpha=0.35, lw=0, label=said)
    axes.plot(channels, band.mean, color=COLOURS[0], lw=0.9, label="expected counts")
    axes.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0)), np.square))
    axes.set_ylim(0, 1.1 * max(float(counts.max()), float(band.upper.max()), 1.0))
    axes.set_xlim(channels[0], channels[_last(np.maximum(counts, band.mean))])
    axes.set(xlabel=label, ylabel="counts in a channel")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return mark(figure, band.doubt)


def _last(spectrum: np.ndarray) -> int:
    """Return the channel at which the picture ends: beyond it lie half a percent of the counts."""
    cumulated = np.cumsum(spectrum)
    last = int(np.searchsorted(cumulated, 0.995 * cumulated[-1]))
    return min(int(1.03 * last) + 2, len(spectrum) - 1)

"""Draw how far ranks of simulation-based calibration are from uniform: all quantities of a sampler, and the band."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from benchmarks.reporting.axes import quiet, title
from benchmarks.reporting.dose_figure import Style
from benchmarks.reporting.rank_band import band, ecdf_difference, leaves


def sbc_figure(sampler: str, histograms: np.ndarray, drawn: Mapping[str, Style]) -> Figure:
    """Draw the ranks of one sampler.

    Parameters
    ----------
    sampler : str
    histograms : (quantities, B) array of int
        Ranks in each bin.
    drawn : dict of Style
        By the names of the quantities, in their order.
    """
    figure = Figure(figsize=(4.4, 3.1))
    axes = figure.add_axes((0.13, 0.155, 0.85, 0.745))
    quantities, bins = histograms.shape
    edges = np.linspace(0, 1, bins + 1)
    n = int(histograms[0].sum())
    axes.fill_between(edges, *band(n, bins, quantities), color="#000000", alpha=0.1, linewidth=0)
    axes.axhline(0, color="#222222", linewidth=0.8)
    lines = zip(drawn.values(), ecdf_difference(histograms), leaves(histograms), strict=True)
    for style, difference, is_out in lines:
        axes.plot(
            edges,
            difference,
            color=style.colour,
            linewidth=2 if is_out else 0.9,
            marker=style.marker if is_out else "",
            markersize=3,
            zorder=3 if is_out else 2,
        )
    axes.set_xlim(0, 1)
    axes.set_xlabel("rank of the truth among the draws, as a share", fontsize=8.5)
    axes.margins(y=0.08)
    title(axes, "Ranks: ECDF - uniform", f"{sampler}, n = {n}")
    quiet(axes, "y")
    return figure

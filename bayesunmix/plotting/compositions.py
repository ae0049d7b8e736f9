"""Atomic per cent of each element in each part, with intervals."""

import numpy as np

from bayesunmix.plotting.style import COLOURS, Picture, mark
from bayesunmix.quantification.composition import Quantification

_MOST_WIDE = 14.0  # inches


def plot_compositions(found: Quantification) -> Picture:
    """Draw the atomic per cent of each element in every part.

    The thick bar is the interval without the error of the k-factors, which is common to all parts; the thin one
    includes it. An element that was not detected has its interval from 0 and no dot.

    Parameters
    ----------
    found : Quantification

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    parts = found.parts
    elements = [amount.element for amount in parts[0]] if parts else []
    width = min(max(4.0, 1.2 + 0.35 * len(elements) * max(len(parts), 1)), _MOST_WIDE)
    figure = Picture(figsize=(width, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for p, part in enumerate(parts):
        colour = COLOURS[p % len(COLOURS)]
        shift = 0.7 * ((p + 0.5) / len(parts) - 0.5)
        for e, amount in enumerate(part):
            a, at = amount.atomic, e + shift
            axes.plot([at, at], [100 * a.lower, 100 * a.upper], color=colour, linewidth=1)
            axes.plot(
                [at, at], [100 * a.value.lower, 100 * a.value.upper], color=colour, linewidth=4, alpha=0.5
            )
            if amount.detected and a.identified != "no":
                axes.plot([at], [100 * a.mean], "o", color=colour, markersize=4)
        axes.plot([], [], color=colour, linewidth=4, alpha=0.5, label=part.name)
    axes.set_xticks(np.arange(len(elements)), elements)
    axes.set_xlim(-0.5, len(elements) - 0.5)
    axes.set_ylim(0, 100)
    axes.set_ylabel(f"atomic per cent, {100 * found.level:g} % interval")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    mark(figure, found.doubt)
    return figure

"""Draw the evidence for the number of components: singular values, and gains on held-out photons."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayesunmix.dimension.rank import Rank
from bayesunmix.plotting.style import COLOURS, Picture


def plot_rank(found: Rank) -> Figure:
    """Draw the evidence for the number of components.

    At the left the scree with the edge that noise does not pass; at the right what each further component gains on
    photons that were held out. Filled symbols are the components that a criterion counts. The dotted line comes after
    the recommended number, which has 98 % of the gain; beyond it each component has a word for what it looks like.

    Parameters
    ----------
    found : Rank

    Returns
    -------
    figure : matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> figure = bu.plot_rank(bu.rank(image))
    """
    figure = Picture(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_scree(left, found)
    _draw_gains(right, found)
    for axes in (left, right):
        axes.axvline(found.n_components + 0.5, color="0.3", lw=1.1, ls=":", zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("component", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _draw_scree(axes: Axes, found: Rank) -> None:
    shown = slice(min(max(3 * found.n_components, 15), found.scree.singular_values.size))
    values, limits = found.scree.singular_values[shown], found.scree.thresholds[shown]
    number = np.arange(1, values.size + 1)
    counted = number <= found.scree.n_components
    axes.axhspan(values[-1] / 2, found.scree.edge, color="0.9", lw=0)
    axes.plot(number, limits, color=COLOURS[1], lw=1, label="noise passes it in 1 of 1000 images")
    axes.plot(number[counted], values[counted], "o", color=COLOURS[0], ms=5)
    axes.plot(number[~counted], values[~counted], "o", color=COLOURS[0], ms=5, mfc="white")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.8 * values[-1])
    axes.set_ylabel("singular value, biwhitened counts", fontsize=9)
    axes.set_title(f"{found.scree.n_components} above the noise (grey)", fontsize=9)
    axes.plot([], color="0.4", lw=0.9, ls=":", label=f"recommended: {found.n_components}")
    axes.legend(fontsize=8, loc="upper right", framealpha=1, edgecolor="none")


def _draw_gains(axes: Axes, found: Rank) -> None:
    gains, errors = found.held_out.gains, found.held_out.errors
    number = np.arange(2, gains.size + 2)
    counted = number <= found.held_out.n_components
    axes.axhline(0, color="0.6", lw=0.8)
    axes.errorbar(number, gains, 2 * errors, fmt="none", ecolor=COLOURS[2], capsize=3, lw=1)
    axes.plot(number[counted], gains[counted], "o", color=COLOURS[2], ms=5)
    axes.plot(number[~counted], gains[~counted], "o", color=COLOURS[2], ms=5, mfc="white")
    axes.set_yscale("symlog", linthresh=100)
    axes.set_xlim(0.5, max(found.n_seen, gains.size + 1) + 1)
    _name_small(axes, found)
    axes.set_ylabel("gain in held-out log-likelihood", fontsize=9)
    axes.set_title(f"{found.held_out.n_components} predict held-out photons (bars: 2 errors)", fontsize=9)


def _name_small(axes: Axes, found: Rank) -> None:
    """Write over the dotted line what it means, and at each small component what it looks like."""
    if found.n_seen > 1:
        axes.text(
            found.n_components + 0.45,
            0.98,
            f"98 % line (here {min(100 * found.share, 99.9):.1f} % of the gain)"
            if found.small
            else "98 % line",
            transform=axes.get_xaxis_transform(),
            rotation=90,
            ha="right",
            va="top",
            fontsize=7,
            color="0.3",
        )
    for one in found.small:
        axes.text(
            one.number,
            0.98,
            f"{one.looks_like} (small)",
            transform=axes.get_xaxis_transform(),
            rotation=90,
            ha="center",
            va="top",
            fontsize=7,
        )

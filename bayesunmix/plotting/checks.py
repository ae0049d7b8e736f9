"""Draw the checks: the sum spectrum, its residual, the map of regions that do not fit, and held-out photons."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bayesunmix.checks.held_out import BAND, BINS
from bayesunmix.checks.outcome import Checks
from bayesunmix.plotting.style import Picture, mark

_BLUE, _RED, _GREY = "#0072B2", "#D55E00", "0.88"
_LIMIT = 5.0  # of the colour scale, in standard deviations


def plot_checks(found: Checks) -> Figure:
    """Draw what the checks found.

    Above, the sum spectrum and the model's; below it the residual in windows of a peak's width (or, where the
    endmembers were fitted to these counts, the deviance of groups of channels) in standard deviations. At the bottom
    the regions, and the PIT of held-out photons. Red is what contradicts the model.

    Parameters
    ----------
    found : Checks

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
    >>> result = bu.unmix(image, 2, "nmf")
    >>> figure = bu.plot_checks(bu.check(result, image))
    """
    figure = Picture(figsize=(7.2, 7.4), layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.0, 1.5), width_ratios=(1.1, 1))
    spectrum = figure.add_subplot(grid[0, :])
    _draw_spectrum(spectrum, found)
    _draw_residual(figure.add_subplot(grid[1, :], sharex=spectrum), found)
    _draw_regions(figure.add_subplot(grid[2, 0]), found)
    _draw_held_out(figure.add_subplot(grid[2, 1]), found)
    figure.suptitle(_wrapped(found), fontsize=9, ha="left", x=0.01)
    return mark(figure, found.doubt)


def _wrapped(found: Checks) -> str:
    import textwrap

    shown = found.sentences[:3] + ([f"({len(found.sentences) - 3} more)"] if len(found.sentences) > 3 else [])
    return "\n".join("\n   ".join(textwrap.wrap(sentence, 104)) for sentence in shown)


def _draw_spectrum(axes: Axes, found: Checks) -> None:
    places = found.spectral_axis.values
    axes.step(places, found.counts, where="mid", color="0.55", lw=0.7, label="counts")
    axes.plot(places, found.expected, color=_BLUE, lw=0.9, label="model")
    axes.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0)), np.square))
    axes.set_ylim(0, 1.1 * max(found.counts.max(), 1))
    axes.set_xlim(places[0], places[-1])
    axes.set_ylabel("counts", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    axes.tick_params(labelsize=8, labelbottom=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_residual(axes: Axes, found: Checks) -> None:
    """Draw standard deviations along the axis, those that are alarms in red with their place."""
    places, height, p_value = found.residuals()
    off = p_value <= found.significant
    axes.axhspan(-2, 2, color=_GREY, lw=0)
    axes.vlines(places, 0, height, color=np.where(off, _RED, _BLUE), lw=1.4)
    reach = max(float(np.abs(height).max(initial=0)), 4.0)
    low = -reach if (height < -4).any() else -4
    if reach > 20:
        axes.set_yscale("symlog", linthresh=5, linscale=0.7)
        axes.set_yticks([tick for tick in (-100, -10, -5, 0, 5, 10, 100, 1000) if low <= tick <= 2 * reach])
        axes.yaxis.set_major_formatter("{x:.0f}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(2.5 * low if low < -4 else -4.5, (2.5 if reach > 20 else 1.25) * reach)
    written: list[float] = []
    for j in sorted(np.flatnonzero(off), key=lambda j: -abs(height[j])):
        apart = 0.05 * np.ptp(found.spectral_axis.values)
        if len(written) < 8 and all(abs(places[j] - other) > apart for other in written):
            written.append(float(places[j]))
            up = height[j] > 0
            axes.annotate(
                f"{places[j]:.2f}" if found.spectral_axis.is_xray else f"{places[j]:.4g}",
                (places[j], height[j]),
                xytext=(0, 2 if up else -2),
                textcoords="offset points",
                ha="center",
                va="bottom" if up else "top",
                fontsize=8,
            )
    axes.set_ylabel(f"{found.residual_name} (sd)", fontsize=8)
    axes.set_xlabel(found.spectral_axis.label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_regions(axes: Axes, found: Checks) -> None:
    """Map of the regions' deviance; of more than two navigation axes the central slice, of one a strip."""
    excess = np.append(found.regions.excess(), np.nan)
    shown = found.region_of_pixel
    while shown.ndim > 2:
        shown = shown[len(shown) // 2]
    shown = np.atleast_2d(shown)
    values = np.ma.masked_invalid(excess[shown])
    flat = shown.shape[0] * 8 < shown.shape[1]
    image = axes.imshow(
        values,
        cmap="RdBu_r",
        vmin=-_LIMIT,
        vmax=_LIMIT,
        interpolation="none",
        aspect="auto" if flat else "equal",
    )
    axes.set_facecolor("0.9")
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, extend="both", location="bottom", pad=0.03)
    bar.set_label("deviance above expectation (sd)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    off = int(np.count_nonzero(found.regions.p_value <= found.significant))
    axes.set_title(f"{off} of {len(found.regions.names)} regions do not fit", fontsize=9)
    axes.set(xticks=[], yticks=[])


def _draw_held_out(axes: Axes, found: Checks) -> None:
    held_out = found.held_out
    off = held_out.p_value <= found.significant
    axes.axhspan(
        held_out.lower, held_out.upper, color=_GREY, lw=0, label=f"{100 * BAND:g} % of all histograms"
    )
    axes.stairs(held_out.histogram, np.linspace(0, 1, BINS + 1), color=_RED if off else _BLUE, lw=1.2)
    axes.set(xlim=(0, 1), ylim=(0, 1.25 * max(held_out.histogram.max(), held_out.upper)))
    axes.set_xlabel("place in the predicted distribution (PIT)", fontsize=9)
    axes.set_ylabel("regions x channel groups", fontsize=8)
    axes.set_title(f"held-out photons, p = {held_out.p_value:.2g}", fontsize=9)
    axes.legend(fontsize=8, frameon=False, loc="upper right")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)

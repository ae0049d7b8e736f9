"""Draw endmember spectra: one for each component, with its peaks named and the band of its 90 % interval.

Peaks get the names of elements only in spectra of X-rays. Of any other signal they are labelled by their place.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesunmix.data.grid import last_channel
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.plotting.style import COLOURS, LEVEL, Picture, doubts, mark, titles
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.maxima import find_maxima
from bayesunmix.spectra.peaks import find_peaks


def plot_spectra(result: Unmixing, image: SpectrumImage) -> Figure:
    """Draw the endmembers, with the peaks of X-rays named where only one element fits.

    The height is on a square-root scale, so that weak lines are seen beside strong ones and counting noise looks
    the same everywhere; signed endmembers are on a linear scale.

    Parameters
    ----------
    result : Unmixing
        With a posterior, a band shows the 90 % interval of its draws. A hatched band goes on to the other solutions
        that fit as well.
    image : SpectrumImage
        The image that was unmixed: gives the axis of the channels.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(element).record(energy_kev, Detector()) for element in ("Cr", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> result = bu.unmix(image, 2, "nmf")
    >>> figure = bu.plot_spectra(result, image)
    >>> len(figure.axes) >= 2
    True
    """
    endmembers = 100 * result.estimate.endmembers
    counting, total = _bands(result)
    n = len(endmembers)
    figure = Picture(figsize=(7.2, 0.7 + 1.55 * n), layout="constrained")
    panels = figure.subplots(n, 1, sharex=True, squeeze=False)[:, 0]
    stop = last_channel(image.sum_spectrum())
    axis = image.spectral_axis
    places = axis.values[:stop]
    photons = np.abs(result.estimate.abundances).sum(axis=0)
    for k, (axes, title) in enumerate(zip(panels, titles(result), strict=True)):
        colour = COLOURS[k % len(COLOURS)]
        values = endmembers[k, :stop]
        if counting is not None:
            axes.fill_between(places, *counting[:, k, :stop], color=colour, alpha=0.35, lw=0)
        if total is not None and not result.known[k]:
            axes.fill_between(
                places,
                *total[:, k, :stop],
                facecolor="none",
                edgecolor=colour,
                alpha=0.5,
                hatch="/////",
                lw=0,
            )
        axes.plot(places, values, color=colour, lw=0.9)
        axes.set_title(title, loc="right", fontsize=9, pad=3)
        _scale_height(axes, values)
        labels = _labels(axis, np.abs(result.estimate.endmembers[k, :stop]) * photons[k])
        near = 0.04 if axis.is_xray else 4 * channel_width(places)
        _label_peaks(axes, places, values, labels, near=near, upright=axis.is_xray)
    hatched = (
        "" if total is None else "\nfilled: 90 % interval; hatched: with other solutions that fit as well"
    )
    panels[-1].set_xlabel(f"{axis.label}{hatched}")
    figure.supylabel("share of the component's counts in a channel (%)", fontsize=9)
    return mark(figure, doubts(result))


def _bands(result: Unmixing) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the 90 % intervals in percent, (2, K, C): of the draws, and where other solutions fit of all of them."""
    posterior = result.posterior
    if posterior is None:
        return None, None
    counting = 100 * np.array(posterior.endmember_interval(LEVEL, "counting"))
    if posterior.rotations is None:
        return counting, None
    return counting, 100 * np.array(posterior.endmember_interval(LEVEL))


def _labels(axis: SpectralAxis, counts: np.ndarray) -> list[tuple[float, str]]:
    """Return the place and the label of each peak: its element, or where none is certain its place."""
    if axis.is_xray:
        peaks = find_peaks(axis.energy_kev[: counts.size], counts)
        return [(peak.energy_kev, peak.element or f"{peak.energy_kev:.2f}") for peak in peaks]
    channels = np.arange(axis.values.size)
    return [(at, f"{at:.4g}") for at in np.interp(find_maxima(counts), channels, axis.values).tolist()]


def _scale_height(axes: Axes, values: np.ndarray) -> None:
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if values.min() < 0:
        axes.axhline(0, color="0.6", lw=0.6)
        axes.margins(y=0.25)
    else:
        axes.set_yscale("function", functions=(_root, np.square))
        axes.set_ylim(0, 1.45 * max(float(values.max()), 1e-12))


def _root(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(values, 0))


def _largest(values: np.ndarray) -> float:
    return float(values[np.argmax(np.abs(values))])


def _label_peaks(
    axes: Axes,
    places: np.ndarray,
    values: np.ndarray,
    labels: list[tuple[float, str]],
    *,
    near: float,
    upright: bool,
) -> None:
    """Write a label above each peak; of two that would touch, only the higher one is written."""
    away = {at: np.abs(places - at) for at, _ in labels}
    heights = {at: _largest(values[far <= max(near, far.min())]) for at, far in away.items()}
    written: list[np.ndarray] = []
    for at, text in sorted(labels, key=lambda label: -abs(heights[label[0]])):
        place = axes.transAxes.inverted().transform(axes.transData.transform((at, heights[at])))
        if any((np.abs(place - other) < (0.017, 0.12)).all() for other in written):
            continue
        written.append(place)
        below = heights[at] < 0
        axes.annotate(
            text,
            (at, heights[at]),
            xytext=(0, -3 if below else 3),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            rotation=90 if upright and not text.isalpha() else 0,
            fontsize=8 if text.isalpha() else 6,
            color="black" if text.isalpha() else "0.35",
        )

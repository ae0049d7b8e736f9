"""Pictures of a result: one map and one spectrum for each component.

Figures are plain `matplotlib.figure.Figure` objects, without pyplot and its global state: save them with `savefig`.
Colours are those of Okabe and Ito, which colour-blind readers tell apart; maps use `viridis`, and signed ones (PCA,
ICA) `PuOr` centred on zero.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from bayesunmix.dimension.rank import Rank
from bayesunmix.image import Axis, SpectrumImage
from bayesunmix.method import Unmixing
from bayesunmix.spectra.peaks import find_peaks

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LEVEL = 0.9


def plot_maps(result: Unmixing, image: SpectrumImage) -> Figure:
    """Draw the abundances: expected counts of each component in each pixel.

    Parameters
    ----------
    result : Unmixing
        With a posterior, a second row shows how wide the 90 % interval is.
    image : SpectrumImage
        The image that was unmixed: gives the shape and the scale bar. A line scan is drawn as curves; of more than
        two navigation axes the central slice is shown, which the title says. Pixels that take no part are blank.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    shown = [result.estimate, *(result.posterior.interval(_LEVEL) if result.posterior else ())]
    abundances, *bounds = (np.where(image.takes_part[:, None], s.abundances, np.nan) for s in shown)
    if len(image.navigation_shape) == 1:
        return _plot_line_scan(abundances, bounds, image, result.component_names)
    index, said = _central_slice(image)
    maps = abundances.reshape(*image.navigation_shape, -1)[index]
    rows = [(maps, "expected counts")]
    if bounds:
        widths = (bounds[1] - bounds[0]).reshape(*image.navigation_shape, -1)[index]
        rows.append((widths, f"width of the {_LEVEL:.0%} interval, counts"))
    return _plot_grid(rows, _titles(result), image.axes[-2:], said)


def plot_spectra(result: Unmixing, image: SpectrumImage) -> Figure:
    """Draw the endmembers, with the peaks named where only one element fits.

    The height is on a square-root scale, so that weak lines are seen beside strong ones and counting noise looks
    the same everywhere; signed endmembers are on a linear scale.

    Parameters
    ----------
    result : Unmixing
        With a posterior, a band shows the 90 % interval.
    image : SpectrumImage
        The image that was unmixed: gives the energy axis.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    endmembers = 100 * result.estimate.endmembers
    bounds = [100 * b.endmembers for b in result.posterior.interval(_LEVEL)] if result.posterior else None
    n = len(endmembers)
    figure = Figure(figsize=(7.2, 0.7 + 1.55 * n), layout="constrained")
    panels = figure.subplots(n, 1, sharex=True, squeeze=False)[:, 0]
    stop = _last_channel(image)
    energy = image.energy_kev[:stop]
    photons = np.abs(result.estimate.abundances).sum(axis=0)
    for k, (axes, title) in enumerate(zip(panels, _titles(result), strict=True)):
        colour = _COLOURS[k % len(_COLOURS)]
        values = endmembers[k, :stop]
        if bounds is not None:
            axes.fill_between(
                energy, bounds[0][k, :stop], bounds[1][k, :stop], color=colour, alpha=0.35, lw=0
            )
        axes.plot(energy, values, color=colour, lw=0.9)
        axes.set_title(title, loc="right", fontsize=9, pad=3)
        _scale_height(axes, values)
        peaks = find_peaks(energy, np.abs(result.estimate.endmembers[k, :stop]) * photons[k])
        _label_peaks(
            axes, energy, values, [(p.energy_kev, p.element or f"{p.energy_kev:.2f}") for p in peaks]
        )
    panels[-1].set_xlabel("energy (keV)")
    figure.supylabel("share of the component's counts in a channel (%)", fontsize=9)
    return figure


def plot_rank(found: Rank) -> Figure:
    """Draw the evidence for the number of components.

    At the left the scree with the edge that noise does not pass; at the right what each further component gains on
    photons that were held out. Filled symbols are the components that a criterion counts.

    Parameters
    ----------
    found : Rank

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_scree(left, found)
    _draw_gains(right, found)
    for axes in (left, right):
        axes.axvline(found.n_components + 0.5, color="0.4", lw=0.9, ls=":", zorder=0)
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
    axes.plot(number, limits, color=_COLOURS[1], lw=1, label="noise passes it in 1 of 1000 images")
    axes.plot(number[counted], values[counted], "o", color=_COLOURS[0], ms=5)
    axes.plot(number[~counted], values[~counted], "o", color=_COLOURS[0], ms=5, mfc="white")
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
    axes.errorbar(number, gains, 2 * errors, fmt="none", ecolor=_COLOURS[2], capsize=3, lw=1)
    axes.plot(number[counted], gains[counted], "o", color=_COLOURS[2], ms=5)
    axes.plot(number[~counted], gains[~counted], "o", color=_COLOURS[2], ms=5, mfc="white")
    axes.set_yscale("symlog", linthresh=100)
    axes.set_xlim(0.5, max(found.n_components, gains.size + 1) + 1)
    axes.set_ylabel("gain in held-out log-likelihood", fontsize=9)
    axes.set_title(f"{found.held_out.n_components} predict held-out photons (bars: 2 errors)", fontsize=9)


def _titles(result: Unmixing) -> list[str]:
    """Name each component with its share of all counts, where shares have a meaning."""
    total = result.estimate.abundances.sum(axis=0)
    if not result.estimate.is_nonnegative or total.sum() == 0:
        return result.component_names
    shares = total / total.sum()
    return [
        f"{name} · {share:.1%} of counts" for name, share in zip(result.component_names, shares, strict=True)
    ]


def _central_slice(image: SpectrumImage) -> tuple[tuple[int, ...], str]:
    """Index of the central 2-D slice, and a sentence about it."""
    index = tuple(n // 2 for n in image.navigation_shape[:-2])
    steps = zip(index, image.navigation_shape, image.axes, strict=False)
    return index, ", ".join(f"{axis.name} {i + 1} of {n}" for i, n, axis in steps)


def _plot_grid(
    rows: Sequence[tuple[np.ndarray, str]], titles: Sequence[str], axes: Sequence[Axis], said: str
) -> Figure:
    """One row of maps for each quantity, wrapped after four components."""
    height, width, n = rows[0][0].shape
    aspect = axes[0].scale / axes[1].scale if axes[0].units == axes[1].units else 1.0
    columns = math.ceil(n / math.ceil(n / 4))
    lines = [(maps, unit, range(i, min(i + columns, n))) for i in range(0, n, columns) for maps, unit in rows]
    tall = min(max(aspect * height / width, 0.25), 2.5)
    figure = Figure(
        figsize=(0.4 + 2.9 * columns, (2.3 * tall + 0.5) * len(lines) + 0.2), layout="constrained"
    )
    panels = figure.subplots(len(lines), columns, squeeze=False)
    for line, (maps, unit, components) in zip(panels, lines, strict=True):
        for panel in line[len(components) :]:
            panel.set_axis_off()
        for panel, k in zip(line, components, strict=False):
            _draw_map(panel, maps[..., k], unit, aspect)
            if maps is rows[0][0]:
                panel.set_title(titles[k], fontsize=9)
    if axes[1].units != "px":
        _draw_scale_bar(panels[0, 0], axes[1], width)
    if said:
        figure.suptitle(f"central slice: {said}", fontsize=9)
    return figure


def _draw_map(axes: Axes, values: np.ndarray, unit: str, aspect: float) -> None:
    """Draw one map, pixel-exact; the few brightest pixels (0.1 %) may be clipped, which the colour bar shows."""
    known = values[np.isfinite(values)]
    known = known if known.size else np.zeros(1)
    top = float(np.quantile(np.abs(known), 0.999)) or float(np.abs(known).max()) or 1.0
    signed = known.min() < 0
    style: dict[str, Any] = {"cmap": "PuOr", "vmin": -top} if signed else {"cmap": "viridis", "vmin": 0}
    shown = axes.imshow(values, interpolation="none", aspect=aspect, vmax=top, **style)
    over, under = known.max() > top, signed and known.min() < -top
    extend = {(True, True): "both", (True, False): "max", (False, True): "min"}.get((over, under), "neither")
    bar = axes.figure.colorbar(shown, ax=axes, extend=extend, shrink=0.9, pad=0.02)
    bar.set_label(unit, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    axes.set(xticks=[], yticks=[])


def _draw_scale_bar(axes: Axes, axis: Axis, width: int) -> None:
    """Put a bar of round length, about a fifth of the width, below the map, where it hides no pixel."""
    length = round_length(axis.scale * width / 5)
    units, factor = ("nm", 1000) if axis.units == "µm" and length < 1 else (axis.units, 1)
    bottom = axes.get_ylim()[0]
    pixels = length / axis.scale
    thickness = abs(bottom - axes.get_ylim()[1]) * 0.02
    bar = Rectangle((-0.5, bottom + 2 * thickness), pixels, thickness, color="black", clip_on=False, lw=0)
    axes.add_patch(bar)
    axes.annotate(
        f"{length * factor:g} {units}",
        (pixels - 0.5, bottom + 2.5 * thickness),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        annotation_clip=False,
    )


def round_length(wanted: float) -> float:
    """Largest of 1, 2, 5 times a power of ten that does not exceed `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= wanted * (1 + 1e-9))


def _plot_line_scan(
    abundances: np.ndarray, bounds: list[np.ndarray], image: SpectrumImage, names: list[str]
) -> Figure:
    axis = image.axes[0]
    position = np.arange(len(abundances)) * axis.scale
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    axes = figure.subplots()
    for k, values in enumerate(abundances.T):
        colour = _COLOURS[k % len(_COLOURS)]
        if bounds:
            axes.fill_between(
                position, bounds[0][:, k], bounds[1][:, k], color=colour, alpha=0.3, lw=0, step="mid"
            )
        axes.step(position, values, where="mid", color=colour, lw=1.2, label=names[k])
    axes.set(xlabel=f"{axis.name} ({axis.units})", ylabel="expected counts")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _last_channel(image: SpectrumImage) -> int:
    """Where the drawn range ends: beyond it lie half a percent of the counts."""
    cumulated = np.cumsum(image.sum_spectrum())
    last = int(np.searchsorted(cumulated, 0.995 * cumulated[-1]))
    return min(int(last * 1.03) + 2, image.n_channels)


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


def _label_peaks(axes: Axes, energy: np.ndarray, values: np.ndarray, labels: list[tuple[float, str]]) -> None:
    """Write a label above each peak; of two that would touch, only the higher one is written."""
    heights = {at: _largest(values[np.abs(energy - at) <= 0.04]) for at, _ in labels}
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
            rotation=0 if text.isalpha() else 90,
            fontsize=8 if text.isalpha() else 6,
            color="black" if text.isalpha() else "0.35",
        )

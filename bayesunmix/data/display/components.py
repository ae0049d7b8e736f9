"""Draw a map (or the profile of a line scan) and a spectrum of each component, as HTML."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from bayesunmix.data.display.html import COLOURS, drawn_or_said, paragraph, side_by_side
from bayesunmix.data.display.pictures import Curve, curve_figure, map_figure
from bayesunmix.data.grid import Grid, central_slice, drawn_axes, last_channel
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.spectra.peaks import find_peaks

MOST_DRAWN = 8
INTERVAL = 0.9
Bounds = tuple[np.ndarray, np.ndarray]


class Drawn(NamedTuple):
    """Hold what is drawn of components.

    Attributes
    ----------
    names, remarks : sequences of str
        Name of each component, and what stands beside it.
    endmembers : (K, C) array
    abundances : (P, K) array
    spectrum_bounds : two (K, C) arrays or None
        Ends of the intervals.
    profile_bounds : two (P, K) arrays or None
        Likewise, for a line scan.
    """

    names: Sequence[str]
    remarks: Sequence[str]
    endmembers: np.ndarray
    abundances: np.ndarray
    spectrum_bounds: Bounds | None = None
    profile_bounds: Bounds | None = None


def component_rows(drawn: Drawn, grid: Grid | None) -> list[Markup]:
    """Draw the components, one in a row, at most the first `MOST_DRAWN`.

    Parameters
    ----------
    drawn : Drawn
    grid : Grid or None
        Without it there are no maps, and channels have no energies.
    """
    n = len(drawn.endmembers)
    shown = [k for k in range(n) if k < MOST_DRAWN]
    parts = (
        []
        if n == len(shown)
        else [paragraph(f"Drawn are the first {MOST_DRAWN} of {n} components.", soft=True)]
    )
    where = central_slice(grid.shape[:-1], grid.axes)[1] if grid else ""
    if where:
        parts.append(paragraph(f"Maps: central slice, {where}.", soft=True))
    totals = np.abs(drawn.abundances).sum(axis=0)
    end = last_channel(totals @ np.abs(drawn.endmembers)) if totals.any() else drawn.endmembers.shape[1]
    for k in shown:
        figures = [] if grid is None else [drawn_or_said(_map, drawn, grid, k)]
        figures.append(drawn_or_said(_spectrum, drawn, grid, k, end, totals[k]))
        parts.append(Markup('<p class="bu-name"><b>{}</b> {}</p>').format(drawn.names[k], drawn.remarks[k]))
        parts.append(side_by_side(figures))
    return parts


def image_map(values: np.ndarray, grid: Grid, unit: str) -> Markup:
    """Draw one quantity of each pixel, (P,): a map, the central slice of a series, or the profile of a line scan."""
    masked = values if grid.mask is None else np.where(grid.mask.ravel(), values, np.nan)
    if len(grid.axes) == 1:
        return _profile(Curve(np.nan_to_num(masked)), grid, unit)
    index, _ = central_slice(grid.shape[:-1], grid.axes)
    return map_figure(masked.reshape(grid.shape[:-1])[index], grid.axes, unit)


def spectrum_figure(axis: SpectralAxis, counts: np.ndarray, caption: str) -> Markup:
    """Draw a spectrum of counts, of X-rays with its peaks named."""
    end = last_channel(counts)
    shown = counts[:end].astype(float)
    peaks = _peaks(axis, shown)
    return curve_figure(axis.values[:end], [Curve(shown)], _across(axis), caption, peaks, root=True)


def _map(drawn: Drawn, grid: Grid, k: int) -> Markup:
    if len(grid.axes) > 1:
        return image_map(drawn.abundances[:, k], grid, "expected counts")
    lower, upper = (None, None) if drawn.profile_bounds is None else (b[:, k] for b in drawn.profile_bounds)
    return _profile(Curve(drawn.abundances[:, k], lower, upper, _colour(k)), grid, "expected counts")


def _profile(curve: Curve, grid: Grid, unit: str) -> Markup:
    (axis,) = drawn_axes(grid.axes)
    position = axis.scale * np.arange(len(curve.values))
    band = "" if curve.lower is None else ", 90 % interval"
    return curve_figure(position, [curve], axis.units, f"{unit} along {axis.name}{band}")


def _spectrum(drawn: Drawn, grid: Grid | None, k: int, end: int, photons: float) -> Markup:
    values = drawn.endmembers[k, :end]
    places = np.arange(end, dtype=float) if grid is None else grid.spectral_axis.values[:end]
    lower, upper = (
        (None, None) if drawn.spectrum_bounds is None else (100 * b[k, :end] for b in drawn.spectrum_bounds)
    )
    signed = values.min() < 0
    scale = "" if signed else ", square-root scale"
    band = "" if drawn.spectrum_bounds is None else ", 90 % interval"
    return curve_figure(
        places,
        [Curve(100 * values, lower, upper, _colour(k))],
        "channel" if grid is None else _across(grid.spectral_axis),
        f"% of the component's counts per channel{band}{scale}",
        () if grid is None else _peaks(grid.spectral_axis, np.abs(values) * photons),
        root=not signed,
    )


def _across(axis: SpectralAxis) -> str:
    """Return what stands beside the numbers along the axis."""
    return axis.units or axis.name


def _peaks(axis: SpectralAxis, counts: np.ndarray) -> list[tuple[float, str]]:
    """Name the elements in the first channels of a spectrum of X-rays, the strongest peaks first."""
    if not axis.is_xray or counts.size < 16:
        return []
    found = sorted(find_peaks(axis.energy_kev[: counts.size], counts), key=lambda peak: -peak.height)
    return [(peak.energy_kev, peak.element) for peak in found if peak.element]


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]

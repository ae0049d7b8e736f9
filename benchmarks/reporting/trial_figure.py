"""Draw what a method made of one trial, a component a row: truth | estimate | error | interval width | endmember.

A recording has neither truth nor error.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 11.2, 0.3, 0.62, 0.28, 0.62, 0.12  # inches
_MAP_WIDTH = 1.62
_TITLE: dict[str, Any] = {"fontsize": 8.5, "color": "#222222"}


class _Maps(NamedTuple):
    """Hold a column of maps that share a colour scale."""

    title: str
    values: np.ndarray
    colours: str
    low: float
    high: float


def trial_figure(
    truth: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], dose: float, colour: str
) -> Figure:
    """Draw one method's result.

    Parameters
    ----------
    truth, found : dict of arrays
        Snapshots of a phantom, or of a recording's grid, and of an aligned estimate (see `benchmarks.snapshot`).
    dose : float
        Mean counts per pixel of the specimen.
    colour : str
        Colour of the estimated spectrum.
    """
    shape = tuple(int(n) for n in truth["navigation_shape"])
    labels = [str(label) for label in truth.get("labels", range(len(found["endmembers"])))]
    is_known = "abundances" in truth
    columns = _columns(truth, found, dose) if is_known else _columns_without_truth(found)
    map_height = _MAP_WIDTH * np.clip(shape[-2] / shape[-1] if len(shape) > 1 else 0, 0.5, 2)
    height = _TOP + len(labels) * (map_height + _GAP) + _BOTTOM
    figure = Figure(figsize=(_WIDTH, height))

    def place(left: float, row: float, width: float, tall: float = map_height) -> Axes:
        """Add axes at inches from the left and at a row from the top."""
        bottom = height - _TOP - row * (map_height + _GAP) - tall
        return figure.add_axes((left / _WIDTH, bottom / height, width / _WIDTH, tall / height))

    for n, column in enumerate(columns):
        left = _LEFT + n * (_MAP_WIDTH + _GAP)
        maps = [place(left, k, _MAP_WIDTH) for k in range(len(labels))]
        _draw_maps(maps, column, shape)
        bar = figure.colorbar(
            maps[0].images[0], cax=place(left, len(labels), _MAP_WIDTH, 0.09), orientation="horizontal"
        )
        bar.set_label("counts", **_TITLE)
        bar.ax.tick_params(labelsize=7, length=2)
        bar.outline.set_visible(False)
        if n == 0:
            _scale_bar(maps[0], truth, shape)
            for axes, label in zip(maps, labels, strict=True):
                axes.set_ylabel(label, fontsize=10, fontweight="bold", labelpad=3)
    left = _LEFT + len(columns) * (_MAP_WIDTH + _GAP) + 0.1
    for k in range(len(labels)):
        axes = place(left, k, _WIDTH - left - _RIGHT)
        _draw_spectrum(axes, truth, found, k, colour)
        axes.tick_params(labelbottom=k == len(labels) - 1)
        if k == 0:
            axes.set_title("endmember: truth grey, estimate coloured" if is_known else "endmember", **_TITLE)
    axes.set_xlabel("energy (keV)", **_TITLE)
    return figure


def _columns(truth: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], dose: float) -> list[_Maps]:
    """Gather the maps; their colour scales follow from truth and dose, so that all methods share them.

    Counts run up to the brightest pixel and two standard deviations of its noise, errors over three.
    """
    expected = truth["abundances"] * dose
    n_components = expected.shape[1]
    estimate = found["abundances"][:, :n_components]
    brightest = float(expected.max())
    noise = np.sqrt(brightest)
    columns = [
        _Maps("truth", expected, "magma", 0, brightest + 2 * noise),
        _Maps("estimate", estimate, "magma", 0, brightest + 2 * noise),
        _Maps("error (estimate minus truth)", estimate - expected, "RdBu_r", -3 * noise, 3 * noise),
    ]
    if "abundances_width" in found:
        width = found["abundances_width"][:, :n_components]
        columns.append(_Maps("width of 90 % interval", width, "cividis", 0, 3.5 * noise))
    return columns


def _columns_without_truth(found: Mapping[str, np.ndarray]) -> list[_Maps]:
    """Gather the maps of a recording; colours run up to all but the brightest thousandth of the pixels."""
    estimate = found["abundances"]
    brightest = float(np.quantile(estimate, 0.999))
    columns = [_Maps("estimate", estimate, "magma", min(float(np.quantile(estimate, 0.001)), 0), brightest)]
    if "abundances_width" in found:
        columns.append(_Maps("width of 90 % interval", found["abundances_width"], "cividis", 0, brightest))
    return columns


def _draw_maps(maps: list[Axes], column: _Maps, shape: tuple[int, ...]) -> None:
    for k, axes in enumerate(maps):
        picture = _picture(column.values[:, k], shape)
        axes.imshow(
            picture,
            cmap=column.colours,
            vmin=column.low,
            vmax=column.high,
            interpolation="nearest",
            aspect="auto",
        )
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    maps[0].set_title(column.title, **_TITLE)


def _draw_spectrum(
    axes: Axes, truth: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], k: int, colour: str
) -> None:
    """Draw one endmember over its truth, in percent of the counts per channel."""
    energy = truth["energy_kev"]
    true = 100 * truth["endmembers"][k] if "endmembers" in truth else np.zeros_like(energy)
    axes.fill_between(energy, _root(true), color="#c9c9c9", linewidth=0)
    if "endmembers_lower" in found:
        lower, upper = (_root(100 * found[f"endmembers_{end}"][k]) for end in ("lower", "upper"))
        axes.fill_between(energy, lower, upper, color=colour, alpha=0.3, linewidth=0)
    values = 100 * found["endmembers"][k]
    axes.plot(energy, _root(values), color=colour, linewidth=0.7)
    ticks = np.array([0, 0.1, 0.5, 1, 2, 5, 10, 20])
    top = max(true.max(), values.max())
    low = min(0.0, float(_root(values).min()))
    axes.set_ylim(low * 1.05, float(_root(top)) * 1.06)
    ticks = ticks[ticks <= top]
    axes.set_yticks(_root(ticks), [f"{t:g}" for t in ticks])
    axes.set_ylabel("%, root scale", **_TITLE)
    axes.set_xlim(energy[0], energy[-1])
    axes.yaxis.set_label_position("right")
    axes.yaxis.tick_right()
    axes.spines[["top", "left"]].set_visible(False)
    axes.tick_params(labelsize=7.5, length=2.5)


def _picture(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a 2-D picture of a map: the middle of leading axes, a strip for a line scan."""
    picture = values.reshape(shape if len(shape) > 1 else (1, *shape))
    while picture.ndim > 2:
        picture = picture[len(picture) // 2]
    return picture


def _scale_bar(axes: Axes, truth: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> None:
    """Draw a bar of a round length, about a quarter of the field."""
    unit, size = str(truth["pixel_unit"]), float(truth["pixel_size"][-1])
    quarter = shape[-1] * size / 4
    decade = 10 ** np.floor(np.log10(quarter))
    length = max(step * decade for step in (1, 2, 5) if step * decade <= quarter)
    height = shape[-2] if len(shape) > 1 else 1
    left, bottom = 0.06 * shape[-1], 0.92 * height
    axes.plot(
        [left, left + length / size], [bottom, bottom], color="white", linewidth=2.5, solid_capstyle="butt"
    )
    axes.text(left, bottom - 0.04 * height, f"{length:g} {unit}", color="white", fontsize=7, va="bottom")


def _root(values: np.ndarray) -> np.ndarray:
    """Take the square root and keep the sign: lines and background fit one scale, negative parts of PCA too."""
    return np.sign(values) * np.sqrt(np.abs(values))

"""Draw abundance maps: one for each component, with a scale bar, and the width of the 90 % interval."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bayesunmix.data.grid import Axis, central_slice, drawn_aspect, drawn_axes, scale_bar
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.data.share import not_identified
from bayesunmix.plotting.style import COLOURS, LEVEL, Picture, doubts, mark, titles

_WIDEST_TITLE = 32  # letters


def plot_maps(result: Unmixing, image: SpectrumImage) -> Figure:
    """Draw the abundances: expected counts of each component in each pixel.

    Parameters
    ----------
    result : Unmixing
        With a posterior, a second row shows how wide the 90 % interval is. A component whose share the counts do not
        tell has a grey map: other maps fit as well.
    image : SpectrumImage
        The image that was unmixed: gives the shape and the scale bar. A line scan is drawn as curves; of more than
        two navigation axes the central slice is shown, which the title says. Masked pixels are blank.

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
    >>> figure = bu.plot_maps(result, image)
    >>> len(figure.axes) >= 2
    True
    """
    abundances = result.estimate.abundances
    bounds = result.posterior.abundance_interval(LEVEL) if result.posterior else ()
    open_ones = not_identified(result.names, result.info.get("fractions", {}))
    if len(image.navigation_shape) == 1:
        named = titles(result)
    else:
        named = [_narrow(title) for title in titles(result, separator="\n")]
    figure = plot_named(abundances, bounds, image, named, "expected counts", LEVEL, open_ones)
    return mark(figure, doubts(result))


def plot_named(
    values: np.ndarray,
    bounds: Sequence[np.ndarray],
    image: SpectrumImage,
    names: Sequence[str],
    unit: str,
    interval: float,
    grey: Sequence[int] = (),
) -> Figure:
    """Draw maps of an image in a row, and the width of their intervals in another.

    Parameters
    ----------
    values : (P, n) array
        A map a column.
    bounds : two (P, n) arrays, or none
        Lower and upper ends of the intervals.
    image : SpectrumImage
        Gives the shape and the scale bar.
    names : n str
        A title for each map.
    unit : str
        What the values are.
    interval : float
        Probability of the intervals.
    grey : sequence of int
        Maps that are drawn without colour, because others fit as well.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    values, *bounds = (np.where(image.takes_part[:, None], v, np.nan) for v in (values, *bounds))
    if len(image.navigation_shape) == 1:
        return _plot_line_scan(values, bounds, image, names, unit)
    index, said = central_slice(image.navigation_shape, image.axes)
    rows = [(values.reshape(*image.navigation_shape, -1)[index], unit)]
    if bounds:
        widths = (bounds[1] - bounds[0]).reshape(*image.navigation_shape, -1)[index]
        rows.append((widths, f"width of the {100 * interval:g} % interval, counts"))
    return _plot_grid(rows, names, image.axes[-2:], said, grey)


def _narrow(title: str) -> str:
    """Break a title that is wider than a map behind the name."""
    return title if len(title.partition("\n")[0]) <= _WIDEST_TITLE else title.replace(" · ", "\n", 1)


def _plot_grid(
    rows: Sequence[tuple[np.ndarray, str]],
    titles: Sequence[str],
    axes: Sequence[Axis],
    said: str,
    grey: Sequence[int],
) -> Figure:
    """One row of maps for each quantity, wrapped after four components."""
    height, width, n = rows[0][0].shape
    aspect = drawn_aspect(axes, height, width)
    columns = math.ceil(n / math.ceil(n / 4))
    lines = [(maps, unit, range(i, min(i + columns, n))) for i in range(0, n, columns) for maps, unit in rows]
    tall = min(max(aspect * height / width, 0.25), 2.5)
    figure = Picture(
        figsize=(0.4 + 2.9 * columns, (2.3 * tall + 0.5) * len(lines) + 0.2), layout="constrained"
    )
    panels = figure.subplots(len(lines), columns, squeeze=False)
    for line, (maps, unit, components) in zip(panels, lines, strict=True):
        for panel in line[len(components) :]:
            panel.set_axis_off()
        for panel, k in zip(line, components, strict=False):
            is_grey = k in grey and maps is rows[0][0]
            _draw_map(panel, maps[..., k], f"{unit}, one of many maps" if is_grey else unit, aspect, is_grey)
            if maps is rows[0][0]:
                panel.set_title(titles[k], fontsize=9)
    if bar := scale_bar(drawn_axes(axes)[-1], width):
        _draw_scale_bar(panels[0, 0], *bar, aspect)
    if said:
        figure.suptitle(f"central slice: {said}", fontsize=9)
    return figure


def _draw_map(axes: Axes, values: np.ndarray, unit: str, aspect: float, grey: bool) -> None:
    """Draw one map pixel by pixel. The brightest 0.1 % of the pixels may be clipped, which the colour bar shows."""
    known = values[np.isfinite(values)]
    known = known if known.size else np.zeros(1)
    top = float(np.quantile(np.abs(known), 0.999)) or float(np.abs(known).max()) or 1.0
    signed = known.min() < 0
    style: dict[str, Any] = (
        {"cmap": "PuOr", "vmin": -top} if signed else {"cmap": "gray" if grey else "viridis", "vmin": 0}
    )
    shown = axes.imshow(values, interpolation="none", aspect=aspect, vmax=top, **style)
    over, under = known.max() > top, signed and known.min() < -top
    extend = {(True, True): "both", (True, False): "max", (False, True): "min"}.get((over, under), "neither")
    bar = axes.figure.colorbar(shown, ax=axes, extend=extend, shrink=0.9, pad=0.02)
    bar.set_label(unit, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    axes.set(xticks=[], yticks=[])


def _draw_scale_bar(axes: Axes, pixels: float, label: str, aspect: float) -> None:
    """Put the bar below the map, where it hides no pixel."""
    (bottom, top), (left, right) = axes.get_ylim(), axes.get_xlim()
    # A map of one row leaves no room for a share of its height.
    thickness = max(0.02 * abs(bottom - top), 0.01 * abs(right - left) / aspect)
    bar = Rectangle((-0.5, bottom + 2 * thickness), pixels, thickness, color="black", clip_on=False, lw=0)
    axes.add_patch(bar)
    axes.annotate(
        label,
        (pixels - 0.5, bottom + 2.5 * thickness),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        annotation_clip=False,
    )


def _plot_line_scan(
    abundances: np.ndarray,
    bounds: Sequence[np.ndarray],
    image: SpectrumImage,
    titles: Sequence[str],
    unit: str,
) -> Figure:
    (axis,) = drawn_axes(image.axes)
    position = np.arange(len(abundances)) * axis.scale
    figure = Picture(figsize=(7.2, 3.2), layout="constrained")
    axes = figure.subplots()
    for k, values in enumerate(abundances.T):
        colour = COLOURS[k % len(COLOURS)]
        if bounds:
            axes.fill_between(
                position, bounds[0][:, k], bounds[1][:, k], color=colour, alpha=0.3, lw=0, step="mid"
            )
        axes.step(position, values, where="mid", color=colour, lw=1.2, label=titles[k])
    axes.set(xlabel=f"{axis.name} ({axis.units})", ylabel=unit)
    figure.legend(loc="outside upper left", frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure

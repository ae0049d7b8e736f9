"""Draw maps and curves as HTML: PNG pictures and SVG paths. Labels are text, which no scaling makes too small."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from bayesunmix.data.display.html import COLOURS
from bayesunmix.data.display.png import PURPLE_ORANGE, VIRIDIS, map_png
from bayesunmix.data.grid import Axis, drawn_aspect, drawn_axes, round_length, scale_bar

_LARGEST = 256  # pixels of a picture along an axis
_WIDE, _TALL = 190, 240  # screen pixels that a map may take
_ACROSS, _DOWN = 1000, 400  # units of a curve's drawing area
_MOST_POINTS = 700

Heights = Callable[[np.ndarray], np.ndarray]  # from values to 0 at the bottom, 1 at the top


class Curve(NamedTuple):
    """Hold a curve, (C,), with the band of its interval where it has one. With `stems` it is a bar for each value."""

    values: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    colour: str = COLOURS[0]
    stems: bool = False


def map_figure(values: np.ndarray, axes: Sequence[Axis], unit: str, limit: float | None = None) -> Markup:
    """Draw a map with its scale bar and the key of its colours.

    Parameters
    ----------
    values : (H, W) array
        NaN where a pixel is masked.
    axes : sequence of Axis
        The last two are those of the map; none where they are not known.
    unit : str
        What the values are, such as "expected counts".
    limit : float, optional
        Ends of a signed scale; where not given, the few brightest pixels (0.1 %) may be clipped, which the key says.
    """
    step = math.ceil(max(values.shape) / _LARGEST)
    if step > 1:
        values, unit = _block_sums(values, step), f"{unit}, each pixel here is the sum of {step} x {step}"
    known = values[np.isfinite(values)]
    known = known if known.size else np.zeros(1)
    top = limit or float(np.quantile(np.abs(known), 0.999)) or float(np.abs(known).max()) or 1.0
    signed = limit is not None or known.min() < 0
    anchors, low = (PURPLE_ORANGE, -top) if signed else (VIRIDIS, 0.0)
    height, width = values.shape
    ratio = width / (height * drawn_aspect(axes, height, width))
    wide = min(_WIDE, _TALL * ratio)
    shown = Markup(
        '<img width="{:.0f}" height="{:.0f}" alt="map" src="{}" style="width:{:.0f}px;height:{:.0f}px">'
    )
    size = (max(wide, 12), max(wide / ratio, 12))
    picture = shown.format(*size, map_png(values, low, top, anchors), *size)
    return Markup('<figure class="bu-map">{}{}{}</figure>').format(
        picture,
        _scale_bar(drawn_axes(axes)[-1], step, width, size[0]) if axes else "",
        _key(low, top, anchors, unit, clipped=bool(known.max() > top)),
    )


def curve_figure(
    x: np.ndarray,
    curves: Sequence[Curve],
    label: str,
    caption: str,
    peaks: Sequence[tuple[float, str]] = (),
    root: bool = False,
    ends: tuple[float, float] | None = None,
) -> Markup:
    """Draw curves over one axis, with ticks and the names of peaks.

    Parameters
    ----------
    x : (C,) array
        Increasing.
    curves : sequence of Curve
    label : str
        Unit of x, which the last tick bears.
    caption : str
    peaks : sequence of (float, str)
        Where a name stands above the first curve, the most important first; what would touch is left out.
    root : bool
        Whether the height is on a square-root scale; values below 0 are drawn as 0.
    ends : (float, float), optional
        Ends of the axis; those of x where not given.
    """
    drawn = [
        part for curve in curves for part in (curve.values, curve.lower, curve.upper) if part is not None
    ]
    high = max(max(float(part.max()) for part in drawn), 0.0)
    low = 0.0 if root else min(min(float(part.min()) for part in drawn), 0.0)
    high = high if high > low else low + 1.0

    def heights(values: np.ndarray) -> np.ndarray:
        """From 0 at the bottom to 1 at the top, with room for names."""
        share = (np.maximum(values, low) - low) / (high - low)
        return np.asarray((np.sqrt(share) if root else share) / (1.18 if peaks else 1.04))

    first, last = ends or (float(x[0]), float(x[-1]))
    span = max(last - first, 1e-300)
    places = (x - first) / span
    paths = [path for curve in curves for path in _paths(places, curve, heights)]
    if low < 0:
        zero = _DOWN * (1 - heights(np.zeros(1))[0])
        paths.insert(0, _path(f"M0 {zero:.0f}h{_ACROSS}", stroke="currentColor", opacity="0.4"))
    marks = [
        *_x_ticks(first, last, label),
        *_y_ticks(low, high, heights, root),
        *_peak_names(places, curves[0], heights, [((at - first) / span, name) for at, name in peaks]),
    ]
    return Markup(
        '<figure class="bu-curve"><div class="bu-plot" style="height:{}px"><svg viewBox="0 0 {} {}" '
        'preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>{}</div><figcaption>{}</figcaption></figure>'
    ).format(150, _ACROSS, _DOWN, caption, Markup("").join(paths), Markup("").join(marks), caption)


def _block_sums(values: np.ndarray, step: int) -> np.ndarray:
    """Sum blocks of pixels; a block is masked where all of its pixels are."""
    height, width = (math.ceil(n / step) for n in values.shape)
    padded = np.full((height * step, width * step), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(height, step, width, step)
    return np.where(np.isnan(blocks).all(axis=(1, 3)), np.nan, np.nansum(blocks, axis=(1, 3)))


def _scale_bar(axis: Axis, step: int, width: int, pixels_wide: float) -> Markup:
    bar = scale_bar(axis._replace(scale=axis.scale * step), width)
    if bar is None:
        return Markup("")
    length, text = bar
    return Markup('<div class="bu-scale" style="width:{:.1f}px"></div><figcaption>{}</figcaption>').format(
        length / width * pixels_wide, text
    )


def _key(low: float, top: float, anchors: Sequence[str], unit: str, clipped: bool) -> Markup:
    colours = ",".join(f"#{anchor}" for anchor in anchors)
    return Markup(
        '<div class="bu-key"><span>{}</span><i style="background:linear-gradient(90deg,{})"></i>'
        "<span>{}{} {}</span></div>"
    ).format(_number(low), colours, "≥ " if clipped else "", _number(top), unit)


def _paths(places: np.ndarray, curve: Curve, heights: Heights) -> list[Markup]:
    """Draw a curve and its band; of many points, neighbours are averaged. Stems are drawn as they are."""
    if curve.stems:
        zero = round(_DOWN * (1 - float(heights(np.zeros(1))[0])))
        ends = zip(_ACROSS * places, _DOWN * (1 - heights(curve.values)), strict=True)
        route = "".join(f"M{across:.0f} {zero}V{down:.0f}" for across, down in ends)
        return [_path(route, stroke=curve.colour)]
    group = math.ceil(places.size / _MOST_POINTS)
    starts = np.arange(0, places.size, group)

    def thinned(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts) / np.diff(np.append(starts, values.size))

    across = np.rint(_ACROSS * thinned(places)).astype(int)

    def down(values: np.ndarray) -> np.ndarray:
        return np.rint(_DOWN * (1 - heights(thinned(values)))).astype(int)

    paths = []
    if curve.lower is not None and curve.upper is not None:
        outline = _route(
            np.concatenate([across, across[::-1]]),
            np.concatenate([down(curve.upper), down(curve.lower)[::-1]]),
        )
        paths.append(_path(outline + "z", fill=curve.colour, opacity="0.35"))
    return [*paths, _path(_route(across, down(curve.values)), stroke=curve.colour)]


def _route(across: np.ndarray, down: np.ndarray) -> str:
    """Write a line through points as the steps between them, which takes the fewest characters."""
    steps = zip(np.diff(across), np.diff(down), strict=True)
    return f"M{across[0]} {down[0]}l" + " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-")


def _path(route: str, fill: str = "none", stroke: str = "none", opacity: str = "1") -> Markup:
    return Markup(
        '<path d="{}" fill="{}" stroke="{}" stroke-width="1.2" opacity="{}" stroke-linejoin="round" '
        'vector-effect="non-scaling-stroke"/>'
    ).format(route, fill, stroke, opacity)


def _x_ticks(first: float, last: float, label: str) -> list[Markup]:
    if not last > first:
        return [_mark("bu-x", "left:0%", f"{first:g} {label}")]
    step = round_length((last - first) / 3)
    ticks = step * np.arange(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)
    return [
        _mark("bu-x", f"left:{100 * (tick - first) / (last - first):.1f}%", f"{tick:.6g}" + unit)
        for tick, unit in zip(ticks, [*[""] * (len(ticks) - 1), f" {label}"], strict=True)
    ]


def _y_ticks(low: float, high: float, heights: Heights, root: bool) -> list[Markup]:
    top = round_length(high) if high > 0 else 0.0
    ticks = [top, top / 10 if root else top / 2, 0.0, *([-round_length(-low)] if low < 0 else [])]
    at = heights(np.array(ticks))
    kept: list[int] = []
    for i, place in enumerate(at):
        if all(abs(place - at[j]) > 0.11 for j in kept):
            kept.append(i)
    return [_mark("bu-y", f"bottom:{100 * at[i]:.1f}%", _number(ticks[i])) for i in kept]


def _peak_names(
    places: np.ndarray, curve: Curve, heights: Heights, peaks: Sequence[tuple[float, str]]
) -> list[Markup]:
    """Write names above peaks; places, and those of peaks, run from 0 to 1 along the axis."""
    marks: list[Markup] = []
    taken: list[tuple[float, float]] = []
    for left, name in peaks:
        near = np.abs(places - left) <= 0.006
        # Above the axis of zero also where the peak is a negative one.
        height = float(heights(np.append(curve.values[near], 0.0)).max())
        if any(abs(left - other) < 0.045 and abs(height - level) < 0.13 for other, level in taken):
            continue
        taken.append((left, height))
        place = f"left:{max(100 * left, 1.5):.1f}%;bottom:{100 * height + 2:.1f}%"
        marks.append(_mark("bu-peak", place, name))
    return marks


def _mark(kind: str, place: str, text: str) -> Markup:
    return Markup('<span class="{}" style="{}">{}</span>').format(kind, place, text)


def _number(value: float) -> str:
    """Write three digits, without an exponent where the number is readable."""
    return f"{float(f'{value:.3g}'):g}"

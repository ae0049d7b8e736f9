"""Find the phase of each pixel of a picture by its colour.

A picture may be enlarged with any interpolation, stored as JPEG, reduced, or have a scale bar or text burnt in. A pixel
is decided where its colour is near one of the legend *and* it cannot be a blend of two others: at an edge between red
and blue some pixels are as purple as a third phase. A pixel that is not decided gets `UNDECIDED`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from bayesunmix.claims._found import Found, is_no_phase
from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.claims.legend import Legend, too_near
from bayesunmix.claims.on_grid import native_grid
from bayesunmix.claims.pictures import Picture
from bayesunmix.io.reading_axes import Refused

# How far a colour may be from one of the legend: in steps of red, green and blue, and as a share of the distance of the
# two nearest colours of the legend.
_FARTHEST = 35.0, 0.4
_FARTHEST_JPEG = 45.0, 0.5
_LEAST_DISTANCE_JPEG = 24.0
_MOST_FLAT_COLOURS = 64
_FEW_COLOURS = 8  # that the legend has not: blends are more
_FLAT_SHARE = (
    0.98  # of the pixels of a picture without blends lie in blocks of one colour, or have few colours
)
_MUCH = 0.5
_MUCH_BLACK = 0.01  # more than a scale bar has
# Second differences over first ones: 0.5 to 1.06 where a picture is enlarged with blends, 1.1 to 1.7 where it is not.
_ROUGH = 1.1
_NOISE = 15.0  # of colours in JPEG, in steps
_ROUNDING = 3.0  # of colours, in steps
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class _Colours:
    """Hold the different colours of a picture: (N, 3), how many pixels each has, and which one each pixel has."""

    values: np.ndarray
    pixels: np.ndarray
    of_pixel: np.ndarray


def read_labels(picture: Picture, legend: Legend | None) -> Found:
    """Find the phase of each pixel of a label picture.

    Parameters
    ----------
    picture : Picture
    legend : Legend or None
        With colours. None takes each flat colour for a phase of its own.

    Returns
    -------
    Found
        Labels on the grid of the picture, or on a coarser one where the picture is exactly an enlargement of that.

    Raises
    ------
    Refused
        If two colours cannot be told apart, most of the picture has colours that the legend has not, or no phase is
        left.
    """
    notes: list[str] = []
    colours = _colours_of(picture.colours)
    legend = _with_black(picture, legend, colours, notes) if legend else _own_legend(picture, colours)
    _require_distinct(picture, legend, colours)
    legend = legend if picture.is_lossy else _as_drawn(picture, legend, colours, notes)
    near, distance = _nearest(picture, colours, legend)
    labels = _decided(picture, legend, colours, near, distance)
    if picture.transparent is not None:
        labels[picture.transparent] = UNASSIGNED
    codes = np.array([UNASSIGNED if is_no_phase(name) else k for k, name in enumerate(legend.names)])
    labels = np.where(labels >= 0, codes[np.maximum(labels, 0)], labels).astype(np.int32)
    notes += _notes(picture, legend, colours, near, labels)
    small, factor = native_grid(labels)
    if factor != (1, 1):
        notes.append(
            f"{picture.name!r} is enlarged {factor[0]} x {factor[1]} times: read as "
            f"{' x '.join(map(str, small.shape))} pixels"
        )
    named = {k: name for k, name in enumerate(legend.names) if codes[k] >= 0}
    return Found(
        labels=small,
        names=named,
        colours={name: legend.colours[name] for name in named.values()},
        notes=notes,
    )


def _colours_of(rgb: np.ndarray) -> _Colours:
    packed = (rgb[..., 0].astype(np.int32) << 16) | (rgb[..., 1].astype(np.int32) << 8) | rgb[..., 2]
    there, of_pixel, pixels = np.unique(packed, return_inverse=True, return_counts=True)
    values = np.stack([there >> 16, (there >> 8) & 255, there & 255], axis=1)
    return _Colours(values.astype(float), pixels, of_pixel.reshape(packed.shape))


def _own_legend(picture: Picture, colours: _Colours) -> Legend:
    """Make a legend of the flat colours of a picture, or of its palette."""
    if picture.is_lossy or colours.pixels.size > _MOST_FLAT_COLOURS:
        raise Refused(
            f"{picture.name!r} has {colours.pixels.size:,} colours, and no more than {_MOST_FLAT_COLOURS} can be "
            "phases without a legend; give the legend (name,#rrggbb in each row)"
        )
    there = [(int(red), int(green), int(blue)) for red, green, blue in colours.values]
    palette = [] if picture.palette is None else picture.palette.tolist()
    index = {(red, green, blue): i for i, (red, green, blue) in reversed(list(enumerate(palette)))}
    numbers = [str(index[c]) if index else f"#{c[0]:02x}{c[1]:02x}{c[2]:02x}" for c in there]
    named = [("unassigned" if c == _BLACK else f"colour {n}", c) for c, n in zip(there, numbers, strict=True)]
    if picture.palette is not None:
        named.sort(key=lambda pair: index[pair[1]])
    return Legend(picture.name, tuple(name for name, _ in named), dict(named))


def _with_black(picture: Picture, legend: Legend, colours: _Colours, notes: list[str]) -> Legend:
    """Add black as the colour of no phase, as programs draw it, where much of the map is black and no phase is."""
    of_legend = np.array(list(legend.colours.values()), float)
    if any(map(is_no_phase, legend.names)) or np.linalg.norm(of_legend, axis=1).min() < 2 * _FARTHEST[0]:
        return legend
    black = (colours.values.max(axis=1) <= (16 if picture.is_lossy else 0))[colours.of_pixel]
    inside = ~(black.all(axis=1)[:, None] | black.all(axis=0))  # a strip along a side is no part of the map
    share = float((black & inside).mean())
    if share < _MUCH_BLACK:
        return legend
    notes.append(
        f"black is no colour of the legend {legend.name!r}: read as unassigned ({100 * share:.1f} % of the pixels); "
        "if it is a phase, give it a row"
    )
    name = "unassigned"
    return Legend(legend.name, (*legend.names, name), {**legend.colours, name: _BLACK}, legend.numbers)


def _require_distinct(picture: Picture, legend: Legend, colours: _Colours) -> None:
    pair = too_near(legend, _LEAST_DISTANCE_JPEG) if picture.is_lossy else None
    if pair:
        raise Refused(
            f"the colours of {pair[0]!r} and {pair[1]!r} in {legend.name!r} differ by {pair[2]:.0f} steps, which JPEG "
            f"does not keep ({_LEAST_DISTANCE_JPEG:.0f} are needed); save {picture.name!r} as PNG, or give one of them "
            "another colour"
        )


def _as_drawn(picture: Picture, legend: Legend, colours: _Colours, notes: list[str]) -> Legend:
    """Replace a colour that the picture has nowhere by the one flat colour near it: programs shift colours."""
    near, distance = _nearest(picture, colours, legend)
    flat = np.bincount(colours.of_pixel[_in_block(colours.of_pixel, 2)], minlength=near.size)
    drawn = dict(legend.colours)
    for k, name in enumerate(legend.names):
        mine = near == k
        shifted = np.flatnonzero(mine & (flat >= 0.5 * colours.pixels))
        if not (distance[mine] == 0).any() and shifted.size == 1:
            red, green, blue = (int(c) for c in colours.values[shifted[0]])
            notes.append(
                f"the colour of {name!r} is {legend.colours[name]} in {legend.name!r} and {(red, green, blue)} in "
                f"{picture.name!r}: taken for the same"
            )
            drawn[name] = (red, green, blue)
    return Legend(legend.name, legend.names, drawn, legend.numbers)


def _nearest(picture: Picture, colours: _Colours, legend: Legend) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each colour of the picture, the nearest of the legend or -2 where none is near; and how far it is."""
    of_legend = np.array([legend.colours[name] for name in legend.names], float)
    near = np.full(colours.pixels.size, UNDECIDED)
    distance = np.zeros(near.size)
    apart = too_near(legend, np.inf)
    limit, share = _FARTHEST_JPEG if picture.is_lossy else _FARTHEST
    limit = min(limit, share * apart[2]) if apart else limit
    for first in range(0, near.size, 2**16):
        part = slice(first, first + 2**16)
        to_each = np.sqrt(((colours.values[part, None] - of_legend) ** 2).sum(-1))
        best = to_each.argmin(1)
        distance[part] = to_each[np.arange(best.size), best]
        near[part] = np.where(distance[part] <= limit, best, UNDECIDED)
    return near, distance


def _decided(
    picture: Picture, legend: Legend, colours: _Colours, near: np.ndarray, distance: np.ndarray
) -> np.ndarray:
    """Return the number in the legend of each pixel, and -2 where it could be a blend."""
    pixel_exact = (distance == 0)[colours.of_pixel]
    flat = _in_block(colours.of_pixel, 2)
    strange = np.isin(np.arange(near.size), _flat_strangers(colours, near, flat))
    # Without blends a colour is either in the legend or not, and one pixel is enough to tell.
    plain = pixel_exact | strange[colours.of_pixel]
    is_sharp = np.count_nonzero(distance) <= _FEW_COLOURS or (
        plain.mean() >= _FLAT_SHARE and np.unique(colours.of_pixel[~plain]).size <= _MOST_FLAT_COLOURS
    )
    if is_sharp and not picture.is_lossy:
        return np.where(pixel_exact, near[colours.of_pixel], UNDECIDED)
    labels = near[colours.of_pixel]
    is_rough = _roughness(picture.colours, strange[colours.of_pixel]) > _ROUGH
    if is_rough and not picture.is_lossy:
        # Not enlarged: a pixel with a little of another colour holds two phases.
        labels = np.where(distance <= _ROUNDING, near, UNDECIDED)[colours.of_pixel]
    present = np.unique(labels[labels >= 0]).tolist()
    flats = {k: legend.colours[legend.names[k]] for k in present}
    others = [_BLACK, _WHITE, *(tuple(c) for c in colours.values[strange].tolist())]
    least = 3 if is_rough and picture.is_lossy else 2
    width = _blend_width(labels)
    wide = max(least, int(np.ceil(0.8 * (width + 1))))
    blends = [k for k in present if _is_between(flats[k], [c for j, c in flats.items() if j != k], others)]
    in_wide = np.isin(labels, blends) & ~_in_block(labels, wide)
    return np.where(in_wide | ~_in_block(labels, least), UNDECIDED, labels)


def _flat_strangers(colours: _Colours, near: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Return the colours of no phase that fill blocks of pixels: scale bars, text, a colour that the legend forgot."""
    filled = np.bincount(colours.of_pixel[flat], minlength=near.size)
    return np.flatnonzero((near == UNDECIDED) & (filled >= 0.5 * colours.pixels) & (filled >= 4))


def _roughness(rgb: np.ndarray, strange: np.ndarray) -> float:
    """Return how much larger the second differences of a picture are than the first ones, away from scale bars."""
    away = ~ndimage.binary_dilation(strange, np.ones((3, 3)), iterations=2)
    first = second = 0.0
    for axis in (0, 1):
        change = np.abs(np.diff(rgb.astype(np.int16), axis=axis)).sum(axis=2)
        turn = np.abs(np.diff(rgb.astype(np.int16), 2, axis=axis)).sum(axis=2)
        first += float(change[np.delete(away, -1, axis=axis)].sum())
        second += float(turn[np.delete(away, (0, -1), axis=axis)].sum())
    return second / first if first else 0.0


def _blend_width(labels: np.ndarray) -> float:
    """Return how many pixels lie, typically, between two phases in a row or column."""
    widths: list[np.ndarray] = []
    for rows in (labels, labels.T):
        row, column = np.nonzero(rows >= 0)
        same = row[1:] == row[:-1]
        changes = same & (rows[row[1:], column[1:]] != rows[row[:-1], column[:-1]])
        widths.append((column[1:] - column[:-1] - 1)[changes])
    found = np.concatenate(widths)
    return float(np.percentile(found, 75)) if found.size else 0.0


def _is_between(colour: tuple, phases: list[tuple], others: list[tuple]) -> bool:
    """Return True if a blend of two other colours, one of them a phase, may come near a colour."""
    if not phases:
        return False
    c, one = np.array(colour, float), np.array(phases, float)[:, None]
    other = np.array([o for o in [*phases, *others] if o != tuple(colour)], float)
    along = other - one
    length = np.maximum((along**2).sum(-1), 1.0)
    share = ((c - one) * along).sum(-1) / length
    off = np.linalg.norm(c - one - share[..., None] * along, axis=-1)
    return bool(((share > 0.05) & (share < 0.95) & (off <= _FARTHEST[0] + _NOISE)).any())


def _in_block(values: np.ndarray, size: int) -> np.ndarray:
    """Return True for the pixels of a block of size x size pixels of one value."""
    if min(values.shape) < size:
        return np.zeros(values.shape, bool)
    same = ndimage.maximum_filter(values, size) == ndimage.minimum_filter(values, size)
    rows, columns = (slice(size // 2, size // 2 + n - size + 1) for n in values.shape)
    corners = np.pad(same[rows, columns], size - 1)
    covered = ndimage.maximum_filter(corners.astype(np.uint8), size)
    rows, columns = (slice(size // 2, size // 2 + n) for n in values.shape)
    return covered[rows, columns].astype(bool)


def _notes(
    picture: Picture, legend: Legend, colours: _Colours, near: np.ndarray, labels: np.ndarray
) -> list[str]:
    """Say what share is not decided, and refuse a picture that is no label picture of this legend."""
    undecided = float((labels == UNDECIDED).mean())
    strange = np.where(near == UNDECIDED, colours.pixels, 0)
    worst = int(strange.argmax())
    of_all = labels.size
    rgb = ", ".join(str(int(c)) for c in colours.values[worst])
    if strange.sum() / of_all > _MUCH and strange[worst] / of_all > 0.05:
        raise Refused(
            f"{100 * strange.sum() / of_all:.0f} % of the pixels of {picture.name!r} have no colour of the legend "
            f"{legend.name!r}; the commonest such colour is ({rgb}), {100 * strange[worst] / of_all:.1f} %; give the "
            "legend that belongs to the picture, with a row 'unassigned' for the colour of no phase"
        )
    if undecided > 0.9 or not (labels >= 0).any():
        raise Refused(
            f"no more than {100 * (1 - undecided):.1f} % of the pixels of {picture.name!r} have a flat colour of the "
            f"legend {legend.name!r}, and it has {colours.pixels.size:,} colours: is it a photograph or a layered "
            "image? Export the phase map in flat colours, at the size of the map or larger"
        )
    if not undecided:
        return []
    said = (
        f"{100 * undecided:.2g} % of the pixels of {picture.name!r} could not be decided (blended colours, or none of "
        "the legend)"
    )
    if strange[worst] / of_all > 0.001:
        said += f"; the commonest colour outside the legend is ({rgb}), {100 * strange[worst] / of_all:.2g} %"
        if colours.values[worst].tolist() in ([0, 0, 0], [255, 255, 255]):
            said += "; if it means that no phase is claimed, add a row 'unassigned' to the legend"
    return [said]

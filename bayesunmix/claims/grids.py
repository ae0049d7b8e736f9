"""Read labels as numbers: a grid in text, a NumPy array, a TIFF of whole numbers, or one mask for each phase."""

from collections.abc import Sequence

import numpy as np

from bayesunmix.claims._found import Found, is_no_phase
from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.claims.legend import Legend
from bayesunmix.claims.on_grid import native_grid
from bayesunmix.claims.pictures import Picture
from bayesunmix.io.reading_axes import Refused

MOST_PHASES = 255
_DARK, _BRIGHT = 0.25, 0.75  # of white: a pixel between is a blend


def read_grid(picture: Picture, legend: Legend | None, unassigned: int | None = None) -> Found:
    """Take the numbers of a map for its phases.

    Parameters
    ----------
    picture : Picture
        Of numbers. NaN, as outside the area of a scan, is no phase.
    legend : Legend or None
        With the number of each phase, or with as many names as the map has numbers, in their order.
    unassigned : int or None
        The number that means "no phase". None takes 0 for it, unless the legend names it.

    Raises
    ------
    Refused
        If a number is not whole, there are too many for phases, or the legend does not name them.
    """
    values = np.asarray(picture.values)
    notes: list[str] = []
    if values.dtype.kind == "f":
        outside = np.isnan(values)
        if outside.any():
            notes.append(
                f"{picture.name!r} has no number (NaN) in {int(outside.sum())} pixels: read as unassigned"
            )
            values = np.where(outside, UNASSIGNED, values)
        if not np.isfinite(values).all() or not (values == np.round(values)).all():
            wrong = values[~(np.isfinite(values) & (values == np.round(values)))].flat[0]
            raise Refused(
                f"{picture.name!r} must have a whole number for each phase, and has {wrong:g}; give an element map "
                "as maps={'Fe': path}"
            )
        if np.abs(values).max() > 2**31 - 1:
            raise Refused(
                f"{picture.name!r} has the number {values.flat[np.abs(values).argmax()]:g}: that is no number of a "
                "phase; check what the file is"
            )
    codes = values.astype(np.int64)
    there = [int(code) for code in np.unique(codes)]
    if len(there) > MOST_PHASES + 1:
        raise Refused(
            f"{picture.name!r} has {len(there)} different numbers, and a label map has one for each phase (at most "
            f"{MOST_PHASES}); give an element map as maps={{'Fe': path}}"
        )
    if picture.transparent is not None:
        codes[picture.transparent] = UNASSIGNED
    if unassigned is not None:
        codes[codes == unassigned] = UNASSIGNED
        there = [int(code) for code in np.unique(codes)]
    names: dict[int, str] | None = None
    if legend is not None:
        names = _names(picture, legend, there, notes)
    elif unassigned is not None:
        names = {code: f"phase {code}" for code in there if code >= 0}
    if names is not None:
        for code in [code for code, name in names.items() if is_no_phase(name)]:
            codes[codes == code] = UNASSIGNED
            del names[code]
        if 0 not in names:
            codes[codes == 0] = UNASSIGNED
    colours = {name: c for name, c in (legend.colours if legend else {}).items() if not is_no_phase(name)}
    return Found(labels=codes, names=names, colours=colours, notes=notes)


def read_masks(masks: Sequence[tuple[str, Picture]]) -> Found:
    """Put the masks of several phases together: white, or 1, is the phase.

    Parameters
    ----------
    masks : sequence of (name of the phase, Picture)

    Raises
    ------
    Refused
        If masks have different sizes, overlap, or a mask is empty.
    """
    first = masks[0][1]
    shape = first.values.shape[:2]
    labels = np.full(shape, UNASSIGNED, np.int32)
    notes: list[str] = []
    kept: list[tuple[str, np.ndarray]] = []
    for name, picture in masks:
        if picture.values.shape[:2] != shape:
            raise Refused(
                f"masks must have one size: {picture.name!r} has {_size(picture)} pixels, and {first.name!r} "
                f"{_size(first)}; export them in the same way"
            )
        inside, between = _mask(picture)
        if not inside.any():
            raise Refused(f"the mask {picture.name!r} is black everywhere; white, or 1, must mark the phase")
        same = next((other for other, mask in kept if np.array_equal(mask, inside)), None)
        if same is not None:
            notes.append(f"the masks of {name!r} and {same!r} are equal: the first is left out")
            continue
        for other, mask in kept:
            overlap = int((mask & inside).sum())
            if overlap:
                raise Refused(
                    f"the masks of {other!r} and {name!r} overlap in {overlap} pixels, and a pixel may have one phase; "
                    "give these pixels to one of them"
                )
        labels[between & (labels == UNASSIGNED)] = UNDECIDED
        labels[inside] = len(kept)
        kept.append((name, inside))
    return Found(
        labels=native_grid(labels)[0], names={k: name for k, (name, _) in enumerate(kept)}, notes=notes
    )


def _names(picture: Picture, legend: Legend, there: list[int], notes: list[str]) -> dict[int, str]:
    """Return the name of each number."""
    if legend.numbers:
        names = {number: name for name, number in legend.numbers.items()}
        missing = [code for code in there if code > 0 and code not in names]
        if missing:
            raise Refused(
                f"{legend.name!r} does not name the numbers {', '.join(map(str, missing[:8]))} of {picture.name!r}; "
                "give each a row 'name,number'"
            )
        return {code: name for code, name in names.items() if code >= 0}
    phases = [name for name in legend.names if not is_no_phase(name)]
    for codes in ([code for code in there if code > 0], [code for code in there if code >= 0]):
        if len(codes) == len(phases):
            notes.append(
                f"{legend.name!r} gives no numbers: its names are those of the numbers {', '.join(map(str, codes[:8]))}"
                f"{', ...' if len(codes) > 8 else ''} of {picture.name!r}, in this order"
            )
            return dict(zip(codes, phases, strict=True))
    raise Refused(
        f"{legend.name!r} names {len(phases)} phases, and {picture.name!r} has the numbers "
        f"{', '.join(map(str, there[:12]))}; give the number of each phase in the legend (name,number)"
    )


def _mask(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Return where a mask is white, and where it is neither white nor black."""
    values = np.asarray(picture.colours if picture.palette is not None else picture.values, float)
    if values.ndim == 3:
        if np.ptp(values, axis=2).max() > 32:
            raise Refused(
                f"the mask {picture.name!r} must be black and white, and has colours; read it with a legend"
            )
        values = values.mean(axis=2)
    if not np.isfinite(values).all():
        raise Refused(f"the mask {picture.name!r} must hold 0 and 1, and has values that are not finite")
    top = values.max() if values.max() in (1, 65535) else 255.0
    share = values / top
    if share.min() < 0 or share.max() > 1:
        raise Refused(
            f"the mask {picture.name!r} must hold 0 and 1, or black and white, and has {values.min():g} to "
            f"{values.max():g}"
        )
    if picture.transparent is not None:
        share = np.where(picture.transparent, 0.0, share)
    return share >= _BRIGHT, (share > _DARK) & (share < _BRIGHT)


def _size(picture: Picture) -> str:
    return " x ".join(map(str, picture.values.shape[:2]))

"""Places in a map, as they are typed: a mask file, a box, a pixel."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from bayesunmix.data.image import SpectrumImage


def region_of(image: "SpectrumImage", box: str | None, mask: Path | None) -> "np.ndarray":
    """Return the pixels of a box, or of a mask file, as a bool map.

    Raises
    ------
    ValueError
        If both or none are given, or the box does not fit the image.
    """
    from bayesunmix.io.mask import read_mask

    if (box is None) == (mask is None):
        came = "none" if box is None else "both"
        raise ValueError(f"a region is given by --box or by --mask, got {came}; give one of them")
    if mask is not None:
        return read_mask(mask)
    assert box is not None
    return _box(image, box)


def pixel_of(image: "SpectrumImage", text: str) -> tuple[int, ...]:
    """Read the numbers of a pixel, "12,40".

    Raises
    ------
    ValueError
        If it is no pixel of the image.
    """
    shape = image.navigation_shape
    words = text.split(",")
    numbers = tuple(int(word) for word in words if re.fullmatch(r"\s*\d+\s*", word))
    inside = len(numbers) == len(words) == len(shape) and all(
        i < n for i, n in zip(numbers, shape, strict=True)
    )
    if not inside:
        zeros, corner = (
            ",".join(str(i) for i in index) for index in ([0] * len(shape), [n - 1 for n in shape])
        )
        raise ValueError(
            f"--pixel must be the number of a pixel along {_axes(image)}, from {zeros} to {corner}, got {text!r}"
        )
    return numbers


def _box(image: "SpectrumImage", text: str) -> "np.ndarray":
    import numpy as np

    shape = image.navigation_shape
    parts = [re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", part) for part in text.split(",")]
    whole = ",".join(f"0:{n}" for n in shape)
    if len(parts) != len(shape) or not all(parts):
        raise ValueError(
            f"--box must give first:stop for each axis of the map ({_axes(image)}), got {text!r}; "
            f"the whole map is {whole}"
        )
    slices = []
    for part, n in zip(parts, shape, strict=True):
        assert part is not None
        first, stop = int(part[1] or 0), int(part[2] or n)
        if not first < stop <= n:
            raise ValueError(
                f"--box must lie inside the map, which is {whole} ({_axes(image)}), and hold a pixel, got {text!r}"
            )
        slices.append(slice(first, stop))
    mask = np.zeros(shape, bool)
    mask[tuple(slices)] = True
    return mask


def _axes(image: "SpectrumImage") -> str:
    return ",".join(axis.name for axis in image.axes)

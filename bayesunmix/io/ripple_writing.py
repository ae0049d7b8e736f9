"""Write Ripple maps, which Lispix, Esprit, HyperSpy and DTSA-II read: a text header, .rpl, beside raw counts, .raw.

The keys are those of Lispix (https://www.nist.gov/services-resources/software/lispix), and those that HyperSpy added
for the steps, origins and units of the axes. Counts are whole numbers of the smallest size that fits, the spectrum of
one pixel after the other.
"""

from pathlib import Path

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.spectral_axis import even_step
from bayesunmix.io.file import whole_file

ROWS = 4096  # pixels that are dense at a time


def why_not_ripple(image: SpectrumImage) -> str:
    """Say why an image cannot be a Ripple map; "" if it can."""
    if len(image.navigation_shape) != 2:
        return f"a Ripple map has two axes, and this image has {len(image.navigation_shape)}"
    if even_step(image.spectral_axis.values) is None:
        return "a Ripple map has channels of one width, and those of this image differ"
    return ""


def save(image: SpectrumImage, path: Path) -> None:
    """Write a header, and the counts beside it under the same name with the ending .raw.

    Raises
    ------
    ValueError
        If the image does not have two navigation axes and channels of one width.
    """
    if why := why_not_ripple(image):
        raise ValueError(f"{why}; write it as .npz (bayesunmix.write)")
    kind = np.dtype(np.min_scalar_type(int(image.counts.data.max(initial=0)))).newbyteorder("<")
    with whole_file(path.with_suffix(".raw")) as raw, raw.open("wb") as file:
        for first in range(0, image.n_pixels, ROWS):
            file.write(image.counts[first : first + ROWS].toarray().astype(kind).tobytes())
    with whole_file(path) as header:
        lines = [f"{key}\t{value}" for key, value in _header(image, kind).items()]
        header.write_text("\n".join(["key\tvalue", *lines]) + "\n", encoding="latin-1", errors="replace")


def _header(image: SpectrumImage, kind: np.dtype) -> dict[str, str | int]:
    """Return the keys of the header in their usual order."""
    axis, (height, width) = image.spectral_axis, image.navigation_shape
    step = even_step(axis.values)
    assert step is not None
    keys: dict[str, str | int] = {
        "width": width,
        "height": height,
        "depth": image.n_channels,
        "offset": 0,
        "data-length": kind.itemsize,
        "data-type": "unsigned",
        "byte-order": "little-endian" if kind.itemsize > 1 else "dont-care",
        "record-by": "vector",
    }
    if axis.is_xray:
        keys["ev-per-chan"] = f"{1000 * step:.9g}"
    units = "keV" if axis.is_xray else axis.units
    names = ("height", image.axes[0].name), ("width", image.axes[1].name), ("depth", axis.name)
    keys |= {f"{which}-name": name for which, name in names if name}
    keys |= {"depth-origin": f"{axis.values[0]:.9g}", "depth-scale": f"{step:.9g}", "depth-units": units}
    for which, one in zip(("height", "width"), image.axes, strict=True):
        keys |= {f"{which}-origin": f"{one.offset:.9g}", f"{which}-scale": f"{one.scale:.9g}"}
        keys |= {f"{which}-units": one.units} if one.units else {}
    return keys

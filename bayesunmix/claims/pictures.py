"""Read a picture or an array of numbers from a file: PNG, JPEG, TIFF, BMP, .npy, .npz, and numbers in text.

Pictures and NumPy files are decoded in a process of their own, so that a damaged one cannot end yours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesunmix.claims._text import Table, number_of, require_even
from bayesunmix.io import child
from bayesunmix.io.reading_axes import Refused

if TYPE_CHECKING:
    from PIL import Image

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
ARRAY_SUFFIXES = (".npy", ".npz")
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_LEAST_LIST = 12  # rows of x, y and a value
_MOST_PIXELS = 2**27  # a map of 11 585 x 11 585
_GREYS = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


@dataclass(frozen=True, eq=False)
class Picture:
    """Hold a picture, or an array of numbers.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    values : (H, W) array of numbers, or (H, W, 3) uint8 of colours
    kind : str
        "PNG", "JPEG", "TIFF", "BMP", "array" or "text".
    transparent : (H, W) bool array or None
        True for pixels that are mostly transparent.
    palette : (N, 3) uint8 array or None
        Colours of the numbers, where the file has a palette.
    """

    name: str
    values: np.ndarray
    kind: str
    transparent: np.ndarray | None = None
    palette: np.ndarray | None = None

    @property
    def is_coloured(self) -> bool:
        """Return True if the pixels are colours, and not numbers."""
        return self.values.ndim == 3

    @property
    def is_lossy(self) -> bool:
        """Return True if the colours were changed a little to make the file smaller."""
        return self.kind == "JPEG"

    @property
    def colours(self) -> np.ndarray:
        """Return the colours of all pixels, (H, W, 3) uint8; greys of one byte become colours."""
        if self.is_coloured:
            return self.values
        if self.palette is not None:
            return self.palette[np.minimum(self.values, len(self.palette) - 1)]
        if self.values.dtype != np.uint8:
            raise Refused(
                f"{self.name!r} holds numbers and no colours; give the names of its numbers in the legend"
            )
        return np.repeat(self.values[..., None], 3, axis=2)

    @property
    def is_black_and_white(self) -> bool:
        """Return True if there are just black and white, or 0 and 1: a mask."""
        if self.kind == "text" or (self.is_coloured and np.ptp(self.values, axis=2).any()):
            return False
        grey = self.values[..., 0] if self.is_coloured else self.values
        there = np.unique(grey) if self.palette is None else np.unique(self.palette[np.unique(grey)])
        return there.size <= 2 and there.tolist() in ([0, 255], [0, 1], [False, True], [255], [1], [True])


def read_picture(path: Path, dataset: str | None = None) -> Picture:
    """Read a picture or a NumPy array.

    Parameters
    ----------
    path : Path
    dataset : str, optional
        Name of the array, where a .npz file holds several.

    Raises
    ------
    Refused
        If the file is no picture or array that can be a map.
    """
    suffix = path.suffix.lower()
    if suffix in ARRAY_SUFFIXES:
        (values,) = child.parts(decode_array, path, dataset=dataset)
        return Picture(path.name, values, "array")
    ((kind, values, transparent, palette),) = child.parts(decode_picture, path)
    return Picture(path.name, values, kind, transparent, palette)


def grid_of(table: Table) -> Picture:
    """Make an array of the numbers of a text file; header lines above them are left out.

    Rows of x, y and a value, each pair of x and y once, are laid on their grid.

    Raises
    ------
    Refused
        If a row is shorter or longer than others, or holds something else than numbers.
    """
    header = next((i for i, row in enumerate(table.numbers) if row is not None), len(table.rows))
    body = table.below(header)
    if not body.rows:
        raise Refused(f"{table.name!r} holds no row of numbers; check what the file is")
    require_even(body)
    rows = table.numbers[header:]
    for row, line in zip(rows, body.lines, strict=True):
        if row is None:
            cells = body.rows[body.lines.index(line)]
            wrong = next(cell for cell in cells if number_of(cell) is None)
            raise Refused(
                f"{table.name!r} must hold a number in every cell below its header, and line {line} has {wrong!r}; "
                "write nan where there is no value"
            )
    return Picture(table.name, _from_list(np.array(rows, np.float64)), "text")


def _from_list(values: np.ndarray) -> np.ndarray:
    """Lay rows of x, y and a value on a grid, where they are that: every pair of x and y comes once."""
    if values.shape[1] != 3 or len(values) < _LEAST_LIST or not np.isfinite(values[:, :2]).all():
        return values
    (xs, column), (ys, row) = (np.unique(values[:, i], return_inverse=True) for i in (0, 1))
    if min(xs.size, ys.size) < 2 or xs.size * ys.size != len(values):
        return values
    if np.unique(row * xs.size + column).size != len(values):
        return values
    grid = np.empty((ys.size, xs.size))
    grid[row, column] = values[:, 2]
    return grid


def decode_picture(path: Path) -> Iterator[Any]:
    """Yield the format, the pixels, which are transparent, and the palette; runs in the child."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # we refuse earlier, and in our own words
    try:
        image = Image.open(path, formats=_FORMATS)
    except UnidentifiedImageError:
        raise Refused(
            f"{path.name!r} is no picture that can be read ({', '.join(_FORMATS)}), or damaged; export it again as PNG"
        ) from None
    with image:
        width, height = image.size
        if width * height > _MOST_PIXELS:
            raise Refused(
                f"{path.name!r} has {width * height:,} pixels, more than a map has (at most {_MOST_PIXELS:,}); "
                "export it at the resolution of the map"
            )
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise Refused(
                f"{path.name!r} holds {frames} pages, and one map is needed; save the page of the map alone"
            )
        yield (str(image.format), *_pixels(path, image))


def _pixels(path: Path, image: "Image.Image") -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return pixels, which of them are transparent, and the palette."""
    transparent = None
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        alpha = np.asarray(image.convert("RGBA"))[..., 3] < 128
        transparent = alpha if alpha.any() else None
        image = image if image.mode == "P" else image.convert("L" if image.mode in ("L", "LA") else "RGB")
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        values = np.asarray(image)
        if values.max() >= len(palette):
            raise Refused(
                f"{path.name!r} is damaged: it uses colours that its palette has not; export it again"
            )
        return values, transparent, palette
    if image.mode in _GREYS or image.mode.startswith("F"):
        return np.asarray(image), transparent, None
    if image.mode == "RGB":
        return np.asarray(image), transparent, None
    raise Refused(
        f"{path.name!r} has colours of the kind {image.mode}, and red, green and blue are needed; save it as PNG"
    )


def decode_array(path: Path, dataset: str | None = None) -> Iterator[Any]:
    """Yield the array of a NumPy file; runs in the child."""
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        yield _plain_array(path, path.name, loaded)
        return
    with loaded:
        names = list(loaded.files)
        maps = [name for name in names if dataset is None or name == dataset]
        if len(maps) > 1:
            maps = [name for name in maps if name == "labels"] or maps
        if len(maps) != 1:
            raise Refused(
                f"{path.name!r} holds {len(names)} arrays ({', '.join(names[:8])}), and one map is needed; say "
                "which with dataset='name'"
            )
        yield _plain_array(path, maps[0], loaded[maps[0]])


def _plain_array(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    called = repr(path.name) if name == path.name else f"{name!r} of {path.name!r}"
    is_map = values.ndim == 2 or (values.ndim == 3 and values.shape[2] == 3 and values.dtype == np.uint8)
    if not is_map or values.size == 0 or values.dtype.kind not in "biuf":
        size = " x ".join(map(str, values.shape)) or "one value"
        raise Refused(f"{called} must be a map of numbers with two axes, got {size} of {values.dtype}")
    return np.ascontiguousarray(values)

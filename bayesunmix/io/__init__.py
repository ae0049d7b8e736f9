"""Spectrum images from and to files.

`read` takes microscope files (through RosettaSciIO, the extra `io`) and our own `.npz`; `write` makes the
latter. Detectors put a zero-strobe peak at the low end of the axis (17 % of all counts of a Bruker map, up to
98 % of a Velox one) that no specimen emitted: `read` leaves out what lies below 0.2 keV, says so, and can be told
not to.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io import child, npz
from bayesunmix.io.bruker import read_bcf
from bayesunmix.io.cropping import CROP_BELOW_KEV, crop_below, cropped, require_crop
from bayesunmix.io.dataset import image_of, listed
from bayesunmix.io.h5 import read_h5
from bayesunmix.io.h5oina import read_h5oina
from bayesunmix.io.jeol import read_pts
from bayesunmix.io.mask import read_mask
from bayesunmix.io.reading_axes import counted_as
from bayesunmix.io.ripple import read_rpl
from bayesunmix.io.rosettasciio import READERS, read_with_rosettasciio
from bayesunmix.io.velox import read_emd
from bayesunmix.running.home import at_home

__all__ = ["crop_below", "cropped", "read", "require_crop", "write"]

# Suffix -> what reads such files in a process of its own.
_READERS: dict[str, Callable[..., Iterator[Any]]] = {
    **dict.fromkeys(READERS, read_with_rosettasciio),
    ".bcf": read_bcf,
    ".emd": read_emd,
    ".h5": read_h5,
    ".h5oina": read_h5oina,
    ".hdf5": read_h5,
    ".pts": read_pts,
    ".rpl": read_rpl,
}

_FORMATS = sorted([".npz", *_READERS])


def read(
    path: str | Path,
    crop_below_kev: float | None = CROP_BELOW_KEV,
    *,
    signal: Signal | None = None,
    dataset: int | None = None,
    mask: np.ndarray | str | Path | None = None,
) -> SpectrumImage:
    """Read the spectrum image of a file; counts are sparse from the first block on.

    Everything but `.npz` is read in a process of its own, so that a damaged file cannot end yours. The logger
    `bayesunmix` says what was added up (frames, detectors) and what was left out.

    Parameters
    ----------
    path : str or Path
        A .bcf, .emd, .h5 (our own), .h5oina, .hdf5 (of old HyperSpy), .hspy, .npz, .pts, .rpl (with its .raw) or .zspy
        file. The reader of .h5oina is built from the specification, not yet seen a real file.
    crop_below_kev : float or None
        Leave out channels below this energy, in keV; None keeps all. With ``signal="any"`` nothing is left out.
    signal : {"eds", "xrf", "any"}, optional
        What was counted: X-rays excited by electrons ("eds", the default), X-rays excited by X-rays ("xrf",
        micro-XRF), or anything else on an axis of even steps ("any": electron energy loss, cathodoluminescence, FTIR,
        Raman, ...). A .npz or .h5 file of our own knows it.
    dataset : int, optional
        The number of the spectrum image to read, where the file holds several. Where not given, the largest is read,
        EDS before others, and the log says which there are.
    mask : bool array of the navigation shape, or path of a .npy file with one, optional
        True for pixels to use. The others may hold anything: the part that a scan has not reached may be NaN.

    Returns
    -------
    SpectrumImage

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a readable spectrum image of photon counts, or the mask has another shape than its map; the
        message says what to do.
    ModuleNotFoundError
        If a microscope file is read without the extra `io`.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "map.npz"
    >>> bu.write(image, path)
    >>> bu.read(path).navigation_shape
    (8, 8)
    """
    path = at_home(path)
    _check_readable(path)
    require_crop(crop_below_kev, signal)
    if isinstance(mask, str | Path):
        mask = read_mask(mask)
    if path.suffix.lower() != ".npz":
        parts = child.parts(_READERS[path.suffix.lower()], path, dataset=dataset, signal=signal)
        return image_of(parts, mask, crop_below_kev)
    listed(path.name, ["the image"], dataset)
    image = npz.load(path)
    if (axis := counted_as(image.spectral_axis, signal, path.name)) is not image.spectral_axis:
        image = trusted_image(image.counts, axis, image.shape, image.axes, image.mask)
    return cropped(image if mask is None else image.within(mask), crop_below_kev)


def write(image: SpectrumImage, path: str | Path) -> None:
    """Write a spectrum image as `.npz`: plain arrays under plain names, readable with NumPy alone.

    Parameters
    ----------
    image : SpectrumImage
    path : str or Path
        A name that ends in .npz. A file of that name is replaced, and never half-written.

    Raises
    ------
    ValueError
        If the name does not end in .npz.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "map.npz"
    >>> bu.write(image, path)
    >>> sorted(np.load(path))[4:7]
    ['counts_data', 'counts_indices', 'counts_indptr']
    """
    path = at_home(path)
    if path.suffix.lower() != ".npz":
        raise ValueError(
            f"a spectrum image is written as .npz, got {path.name!r}; choose a name that ends in .npz"
        )
    npz.save(image, path)


def _check_readable(path: Path) -> None:
    """Refuse what is missing, a folder, empty, or of a format that nobody here reads."""
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    if path.is_dir() and suffix != ".zspy":
        raise ValueError(f"{str(path)!r} is a folder; name a file inside it")
    if suffix not in _FORMATS:
        raise ValueError(
            f"cannot read {path.name!r}: the formats are {' '.join(_FORMATS)}, "
            f"got {suffix or 'no suffix'}; "
            "export the map as .rpl with its .raw from the microscope's software and read that"
        )
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path.name!r} is empty (0 bytes); copy it again from the microscope")

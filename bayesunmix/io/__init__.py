"""Spectrum images from and to files.

`read` takes microscope files (through RosettaSciIO, the extra `io`) and our own `.npz`; `write` makes the
latter. Detectors put a zero-strobe peak at the low end of the axis (17 % of all counts of a Bruker map, up to
98 % of a Velox one) that no specimen emitted: `read` leaves out what lies below 0.2 keV, says so, and can be told
not to.
"""

import logging
from pathlib import Path

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_pixels
from bayesunmix.io import h5, npz, rosettasciio
from bayesunmix.io.mask import read_mask
from bayesunmix.running.home import at_home

__all__ = ["crop_below", "read", "write"]

_log = logging.getLogger("bayesunmix")
_LOADERS = {
    ".npz": lambda path, mask: _within(npz.load(path), mask),
    ".h5": lambda path, mask: _within(h5.load(path), mask),
    **dict.fromkeys(rosettasciio.READERS, rosettasciio.load),
}


def read(
    path: str | Path, crop_below_kev: float | None = 0.2, *, mask: np.ndarray | str | Path | None = None
) -> SpectrumImage:
    """Read the spectrum image of a file; counts are sparse from the first block on.

    Parameters
    ----------
    path : str or Path
        A .bcf, .emd, .h5 (our own), .hspy, .npz, .pts, .rpl (with its .raw) or .zspy file.
    crop_below_kev : float or None
        Leave out channels below this energy, in keV; None keeps all. The logger `bayesunmix` says what is left
        out.
    mask : bool array of the navigation shape, or path of a .npy file with one, optional
        True for pixels to use. Masked pixels may hold anything: the part of a scan that was not reached may be NaN.

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
    if isinstance(mask, str | Path):
        mask = read_mask(mask)
    pixels = None if mask is None else require_pixels(mask)
    image = _LOADERS[path.suffix.lower()](path, pixels)
    return image if crop_below_kev is None else crop_below(image, crop_below_kev)


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


def crop_below(image: SpectrumImage, kev: float) -> SpectrumImage:
    """Leave out the channels below `kev`, and log how many counts they held if there are any."""
    cropped = image.crop(kev_low=kev)
    channels = image.n_channels - cropped.n_channels
    if channels:
        share = 1 - cropped.n_photons / image.n_photons
        _log.warning(
            "cropped below %g keV: left out %d of %d channels with %.1f %% of the counts",
            *(kev, channels, image.n_channels, 100 * share),
        )
    return cropped


def _within(image: SpectrumImage, mask: np.ndarray | None) -> SpectrumImage:
    return image if mask is None else image.within(mask)


def _check_readable(path: Path) -> None:
    """Refuse what is missing, a folder, empty, or of a format that nobody here reads."""
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    if path.is_dir() and suffix != ".zspy":
        raise ValueError(f"{str(path)!r} is a folder; name a file inside it")
    if suffix not in _LOADERS:
        raise ValueError(
            f"cannot read {path.name!r}: the formats are {' '.join(sorted(_LOADERS))}, "
            f"got {suffix or 'no suffix'}; "
            "export the map as .rpl with its .raw from the microscope's software and read that"
        )
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path.name!r} is empty (0 bytes); copy it again from the microscope")

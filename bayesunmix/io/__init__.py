"""Spectrum images from and to files.

`read` takes microscope files (through RosettaSciIO, the extra `io`) and our own `.npz`; `write` makes the
latter. Detectors put a zero-strobe peak at the low end of the axis (17 % of all counts of a Bruker map, up to
98 % of a Velox one) that no specimen emitted: `read` leaves out what lies below 0.2 keV, says so, and can be told
not to.
"""

import logging
from dataclasses import replace
from pathlib import Path

from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.spectral_axis import Signal, require_signal
from bayesunmix.io import h5, npz, rosettasciio

__all__ = ["crop_below", "cropped", "read", "require_crop", "write"]

CROP_BELOW_KEV = 0.2
_OWN = {".npz": npz.load, ".h5": h5.load}  # they know their signal
_log = logging.getLogger("bayesunmix")


def read(
    path: str | Path, crop_below_kev: float | None = CROP_BELOW_KEV, signal: Signal | None = None
) -> SpectrumImage:
    """Read the spectrum image of a file; counts are sparse from the first block on.

    Parameters
    ----------
    path : str or Path
        A .bcf, .emd, .h5 (our own), .hspy, .npz, .pts, .rpl (with its .raw) or .zspy file.
    crop_below_kev : float or None
        Leave out channels below this energy, in keV; None keeps all. The logger `bayesunmix` says what is left
        out. With ``signal="any"`` nothing is left out.
    signal : {"eds", "xrf", "any"}, optional
        What was counted: X-rays excited by electrons ("eds", the default), X-rays excited by X-rays ("xrf",
        micro-XRF), or anything else on an axis of even steps ("any": electron energy loss, cathodoluminescence, FTIR,
        Raman, ...). A .npz or .h5 file of our own knows it.

    Returns
    -------
    SpectrumImage

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a readable spectrum image of photon counts; the message says what to do.
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
    path = Path(path)
    _check_readable(path)
    require_crop(crop_below_kev, signal)
    own = _OWN.get(path.suffix.lower())
    image = _counted_as(own(path), signal, path.name) if own else rosettasciio.load(path, signal or "eds")
    return cropped(image, crop_below_kev)


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
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise ValueError(
            f"a spectrum image is written as .npz, got {path.name!r}; choose a name that ends in .npz"
        )
    npz.save(image, path)


def crop_below(image: SpectrumImage, kev: float) -> SpectrumImage:
    """Leave out the channels below `kev`, and log how many counts they held if there are any."""
    axis = image.spectral_axis
    if axis.values[-1] < kev:
        raise ValueError(
            f"no channel lies between {kev:g} keV, below which X-ray detectors have noise, and the end of the axis, "
            f"which runs from {axis.say_ends(4)}; keep all channels (crop_below_kev=None, --no-crop), or read what is "
            "no X-ray spectrum with signal='any' (--signal any)"
        )
    cropped = image.crop(low=kev)
    channels = image.n_channels - cropped.n_channels
    if channels:
        share = 1 - cropped.n_photons / image.n_photons
        _log.warning(
            "cropped below %g keV: left out %d of %d channels with %.1f %% of the counts",
            *(kev, channels, image.n_channels, 100 * share),
        )
    return cropped


def cropped(image: SpectrumImage, crop_below_kev: float | None) -> SpectrumImage:
    """Leave out the low channels of X-rays; of any other signal nothing."""
    if crop_below_kev is None or not image.spectral_axis.is_xray:
        return image
    return crop_below(image, crop_below_kev)


def require_crop(crop_below_kev: float | None, signal: str | None) -> None:
    """Raise `ValueError` unless the signal is one of ours, and an energy to crop below is given for X-rays only."""
    if signal is not None:
        require_signal(signal)
    if signal == "any" and crop_below_kev not in (None, CROP_BELOW_KEV):
        raise ValueError(
            f"crop_below_kev is for X-rays, got {crop_below_kev!r} with signal='any'; leave it out, and use "
            "image.crop(low, high) in the unit of the axis"
        )


def _counted_as(image: SpectrumImage, signal: Signal | None, name: str) -> SpectrumImage:
    """Give the image of a file that knows its signal another one, if that is asked."""
    axis = image.spectral_axis
    if signal in (None, axis.signal):
        return image
    if not axis.is_xray:
        raise ValueError(
            f"{name!r} has the axis {axis.label}, written with signal='any', and no X-rays; leave signal out"
        )
    return trusted_image(image.counts, replace(axis, signal=signal), *image.grid[1:])


def _check_readable(path: Path) -> None:
    """Refuse what is missing, a folder, empty, or of a format that nobody here reads."""
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    if path.is_dir() and suffix != ".zspy":
        raise ValueError(f"{str(path)!r} is a folder; name a file inside it")
    if suffix not in (formats := {*_OWN, *rosettasciio.READERS}):
        raise ValueError(
            f"cannot read {path.name!r}: the formats are {' '.join(sorted(formats))}, "
            f"got {suffix or 'no suffix'}; "
            "export the map as .rpl with its .raw from the microscope's software and read that"
        )
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path.name!r} is empty (0 bytes); copy it again from the microscope")

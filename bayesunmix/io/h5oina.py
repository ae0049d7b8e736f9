"""Read Oxford Instruments .h5oina files (AZtec 6.2 and later): the counts of an EDS map or line.

Built from the published specification, version 8.0 (https://github.com/oinanoanalysis/h5oina), and not yet seen a real
file with counts. A file holds slices ("1", ...); a slice holds `EDS`, or `EDS1`, `EDS2`, ... of several detectors,
whose counts are added up. `Data/Spectrum` has one row for each pixel, `Header` the size of the map and the energy axis
in eV. Pixels outside the scanned area have no live time (NaN) and are masked.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import BLOCK_BYTES, frame_of, listed, sparse_pixels
from bayesunmix.io.reading_axes import Refused

if TYPE_CHECKING:
    import h5py

_log = logging.getLogger("bayesunmix")

_MOST_PIXELS = 2**27
_FEW = 64  # values of an entry of a header


def read_h5oina(path: Path, dataset: int | None = None, signal: Signal | None = None) -> Iterator[Any]:
    """Yield the frame of an EDS map or line, and then its counts, some pixels at a time; detectors are added up.

    Parameters
    ----------
    path : Path
    dataset : int, optional
        Which of the slices with spectra; where not given, the largest.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If the file holds no spectra, or a header entry that is needed is missing.
    """
    with opened(path) as file:
        slices = [
            (name, groups)
            for name in file
            if (
                groups := [
                    group for group in techniques(file, name, "EDS") if "Spectrum" in _group(group, "Data")
                ]
            )
        ]
        if not slices:
            raise Refused(
                f"{path.name!r} holds no spectra: export the map from AZtec 6.2 or later as 'EDS maps (unprocessed "
                "spectrum data)'"
            )
        said = [f"slice {name}, {groups[0]['Data/Spectrum'].shape}" for name, groups in slices]
        sizes = [groups[0]["Data/Spectrum"].size for _, groups in slices]
        _, groups = slices[listed(path.name, said, dataset, int(np.argmax(sizes)))]
        yield from _parts(path, groups, signal)


def opened(path: Path) -> "h5py.File":
    """Open an .h5oina file.

    Raises
    ------
    Refused
        If it is no HDF5 file, or damaged.
    """
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise Refused(
            f"{path.name!r} is no .h5oina file (HDF5), or damaged; export it again from AZtec"
        ) from error


def techniques(file: "h5py.File", name: str, technique: str) -> list["h5py.Group"]:
    """Return the groups of a technique in a slice, in order: "EDS", or "EDS1", "EDS2", ..."""
    inside = file[name]
    if not hasattr(inside, "keys"):
        return []
    found = [key for key in inside if key == technique or key.removeprefix(technique).isdigit()]
    return [
        inside[key] for key in sorted(found, key=lambda key: (len(key), key)) if hasattr(inside[key], "keys")
    ]


def number(file: str, group: "h5py.Group", entry: str, default: float | None = None) -> float:
    """Return a number of the header of a technique, however it is shaped.

    Raises
    ------
    Refused
        If there is none, and no default.
    """
    header = _group(group, "Header")
    try:
        value = float(values(file, header[entry], _FEW).astype(np.float64)[0]) if entry in header else np.nan
    except (TypeError, ValueError, IndexError):
        value = np.nan
    if np.isfinite(value):
        return value
    if default is None:
        raise Refused(
            f"{file!r} must give {entry!r} in {group.name}/Header, and does not; export the map again from AZtec"
        )
    return default


def values(file: str, dataset: "h5py.Dataset", most: int = _MOST_PIXELS) -> np.ndarray:
    """Return the values of a dataset in a row, unless there are more than a sound file has.

    Raises
    ------
    Refused
        If there are.
    """
    size = getattr(dataset, "size", None)
    if size is None or size > most:
        raise Refused(
            f"{file!r} is damaged: {dataset.name} has {size or 'no'} values, and at most {most} are possible; "
            "export it again from AZtec"
        )
    return np.asarray(dataset[()]).ravel()


def text(file: str, dataset: "h5py.Dataset") -> str:
    """Return a text of the file, which may be bytes or str, in an array or not."""
    found = values(file, dataset, _FEW)
    value = found[0] if found.size else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    return str(value).strip("\0 ")


def grid(file: str, group: "h5py.Group", size: int) -> tuple[int, int]:
    """Return rows and columns of a map, and require that they fit the number of its pixels.

    Raises
    ------
    Refused
        If they do not.
    """
    width, height = (number(file, group, f"{axis} Cells") for axis in "XY")
    if width != int(width) or height != int(height) or not 1 <= width * height <= _MOST_PIXELS:
        raise Refused(
            f"{file!r} gives a map of {width:g} x {height:g} pixels; export the map again from AZtec"
        )
    if int(width) * int(height) != size:
        raise Refused(
            f"{file!r} must have {int(width)} x {int(height)} pixels as its header says, and {group.name}/Data has "
            f"{size}; export the map again from AZtec"
        )
    return int(height), int(width)


def _group(group: "h5py.Group", name: str) -> Any:
    """Return a group of a technique, or an empty mapping where it is not there."""
    found = group.get(name)
    return found if hasattr(found, "keys") else {}


def _parts(path: Path, groups: list["h5py.Group"], signal: Signal | None) -> Iterator[Any]:
    """Yield the frame, and then the counts of all detectors, some pixels at a time."""
    first = groups[0]
    spectra = [_spectra(path, group) for group in groups]
    axes = [_axis(path, group) for group in groups]
    for group, other, axis in zip(groups, spectra, axes, strict=True):
        if other.shape != spectra[0].shape or axis != axes[0]:
            raise Refused(
                f"{path.name!r} has detectors with different axes or sizes ({first.name} and {group.name}), whose "
                "counts cannot be added up; export one detector alone"
            )
    height, width = grid(path.name, first, spectra[0].shape[0])
    n_channels = spectra[0].shape[1]
    shape = (width,) if height == 1 else (height, width)
    pixel_axes = [
        {"name": axis.lower(), "scale": number(path.name, first, f"{axis} Step", 0.0), "units": "µm"}
        for axis in ("YX" if height > 1 else "X")
    ]
    offset, scale = axes[0]
    energy = {"name": "Energy", "units": "eV", "offset": offset, "scale": scale, "size": n_channels}
    frame = frame_of(
        repr(path.name), (*shape, n_channels), [*pixel_axes, {**energy, "navigate": False}], signal
    )
    outside = np.zeros(height * width, bool)
    for group in groups:
        outside |= _outside(path.name, group, height * width)
    if outside.all():
        raise Refused(f"{path.name!r} has no live time in any pixel; export the map again from AZtec")
    if outside.any():
        _log.warning(
            "%s: %d of %d pixels lie outside the scanned area and are masked",
            *(path.name, int(outside.sum()), outside.size),
        )
    _say(path, groups)
    yield frame._replace(mask=~outside.reshape(shape)) if outside.any() else frame
    rows = max(1, BLOCK_BYTES // (n_channels * spectra[0].dtype.itemsize))
    for begin in range(0, height * width, rows):
        part = slice(begin, begin + rows)
        yield _added([other[part] for other in spectra], outside[part])


def _spectra(path: Path, group: "h5py.Group") -> "h5py.Dataset":
    spectra = group["Data/Spectrum"]
    if len(spectra.shape) != 2 or 0 in spectra.shape or spectra.dtype.kind not in "iuf":
        raise Refused(
            f"{path.name!r}: {spectra.name} must have one row of counts for each pixel, got {spectra.dtype} of shape "
            f"{spectra.shape}; export the map again from AZtec"
        )
    return spectra


def _axis(path: Path, group: "h5py.Group") -> tuple[float, float]:
    """Return the energy of the first channel and the width of a channel, in eV."""
    scale = number(path.name, group, "Channel Width")
    if scale <= 0:
        raise Refused(f"{path.name!r} gives channels of {scale:g} eV; export the map again from AZtec")
    return number(path.name, group, "Start Channel"), scale


def _outside(file: str, group: "h5py.Group", size: int) -> np.ndarray:
    """Return the pixels without a live time, (size,)."""
    data = group["Data"]
    if "Live Time" not in data:
        return np.zeros(size, bool)
    live = values(file, data["Live Time"]).astype(np.float64)
    return np.isnan(live) if live.size == size else np.zeros(size, bool)


def _added(blocks: list[np.ndarray], outside: np.ndarray) -> sparse.csr_array:
    """Add the counts of detectors up; what lies outside the scan is nothing."""
    total = None
    for block in blocks:
        if block.dtype.kind == "f" or outside.any():
            block = np.where(outside[:, None], 0, block)
        part = sparse_pixels(block)
        total = part if total is None else total + part
    assert total is not None
    return sparse.csr_array(total)


def _say(path: Path, groups: list["h5py.Group"]) -> None:
    if len(groups) > 1:
        _log.warning("%s was recorded with %d detectors: added up their counts", path.name, len(groups))
    binning = number(path.name, groups[0], "Binning", 1.0)
    if binning > 1:
        _log.warning("%s holds counts that AZtec summed over %g x %g pixels", path.name, binning, binning)

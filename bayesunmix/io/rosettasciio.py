"""Microscope files, through the readers of RosettaSciIO (https://hyperspy.org/rosettasciio).

A file may hold images beside the spectrum image, call its energy axis `z` or `depth`, give it in eV, put it
first, or repeat the map in frames. This module finds the spectrum image, puts the energy axis last in keV, adds
the frames up, and makes the counts sparse block by block, so that a dense cube larger than memory can be read.

RosettaSciIO is an optional package under the GPL: it is imported when a file is read, and only its readers are
called.
"""

import contextlib
import importlib
import logging
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.image import Axis, SpectrumImage

_log = logging.getLogger("bayesunmix")

# Suffix -> RosettaSciIO module and the options it is called with. Bruker's reader decodes the whole map in one
# go either way; lazily it would do so once for every block. JEOL's default type would end at 255 counts.
READERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".bcf": ("bruker", {"select_type": "spectrum_image"}),
    ".emd": ("emd", {"lazy": True}),
    ".hspy": ("hspy", {"lazy": True}),
    ".msa": ("msa", {}),
    ".pts": ("jeol", {"lazy": True, "SI_dtype": np.uint16}),
    ".rpl": ("ripple", {"lazy": True}),
    ".zspy": ("zspy", {"lazy": True}),
}
_BLOCK_BYTES = 32 * 2**20
_FRAMES = {"frame", "frames", "sweep", "sweeps", "time"}


def load(path: Path) -> SpectrumImage:
    """Read the spectrum image of a microscope file.

    Raises
    ------
    ValueError
        If the reader fails, or the file holds no spectrum image, no calibrated energy axis, or no counts.
    ModuleNotFoundError
        If RosettaSciIO, or what it needs for this format, is not installed.
    """
    with _quiet():
        try:
            datasets = _call_reader(path)
            data, signal, navigation = _spectrum_image(path, datasets)
            energy_kev = _energy_kev(path, signal)
            counts = _counts(data, energy_kev)
        except (MemoryError, ModuleNotFoundError, _Refused):
            raise
        except Exception as error:  # a reader of damaged files may raise anything
            said = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(
                f"cannot read {path.name!r}: it is damaged, cut short or not a {path.suffix} file "
                f"(the reader said: {said[:200]}); copy it again from the microscope"
            ) from error
    try:
        return SpectrumImage(counts, energy_kev, data.shape, tuple(_axis(axis) for axis in navigation))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name!r} does not hold photon counts as they were measured: {error}"
        ) from error


class _Refused(ValueError):
    """A sentence of ours, told apart from whatever a reader raises."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the readers' own remarks off the user's screen; what matters of them is said by `load`."""
    logger = logging.getLogger("rsciio")
    try:
        importlib.import_module("rsciio")  # sets its own level on import
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "microscope files need RosettaSciIO, which is not installed: pip install bayesunmix[io]"
        ) from error
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _call_reader(path: Path) -> list[dict[str, Any]]:
    _check_length(path)
    module, options = READERS[path.suffix.lower()]
    try:
        return importlib.import_module(f"rsciio.{module}").file_reader(str(path), **options)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"reading {path.suffix} files needs {error.name or 'sparse'}, which is not installed: "
            "pip install bayesunmix[io]"
        ) from error


def _check_length(path: Path) -> None:
    """Refuse a file shorter than its header says.

    Of a JEOL file cut short the reader returns fewer counts without a word; of a Bruker one it can crash the process.
    """
    suffix = path.suffix.lower()
    if suffix not in (".bcf", ".pts"):
        return
    with path.open("rb") as file:
        head = file.read(0x14C)
    if len(head) == 0x14C:
        if suffix == ".bcf":  # after the header, a number of chunks of one size
            chunk_bytes, chunks = (int.from_bytes(head[at : at + 4], "little") for at in (0x128, 0x148))
            length = 0x118 + chunk_bytes * chunks
        else:  # where the data begins, and how long it is
            length = sum(int.from_bytes(head[at : at + 4], "little") for at in (28, 32))
        if path.stat().st_size >= length:
            return
    raise _Refused(f"{path.name!r} is cut short or not a {suffix} file; copy it again from the microscope")


def _spectrum_image(
    path: Path, datasets: list[dict[str, Any]]
) -> tuple[Any, dict[str, Any], list[dict[str, Any]]]:
    """Choose the spectrum image among the datasets of a file.

    Returns
    -------
    data : (..., C) array
        NumPy or dask; the energy axis is last and frames are added up.
    signal : dict
        The energy axis as the reader describes it.
    navigation : list of dict
        The other axes.
    """
    spectral = [(dataset, _energy_position(dataset["axes"])) for dataset in datasets]
    images = [(d, position) for d, position in spectral if position is not None and d["data"].ndim > 1]
    if not images:
        single = any(position is not None for _, position in spectral)
        found = ", ".join(" x ".join(map(str, dataset["data"].shape)) for dataset in datasets) or "nothing"
        raise _Refused(
            f"{path.name!r} holds {'one spectrum' if single else 'no spectrum image'} ({found}): "
            "needed are counts over pixels and an energy axis; name the file of the map"
        )
    dataset, position = max(images, key=lambda image: (_is_eds(image[0]), image[0]["data"].size))
    if len(images) > 1:
        shape = " x ".join(map(str, dataset["data"].shape))
        _log.warning("%s holds %d spectrum images: read the one of %s", path.name, len(images), shape)
    data, axes = dataset["data"], list(dataset["axes"])
    if position != data.ndim - 1:
        data = np.moveaxis(data, position, -1)
    signal = axes.pop(position)
    for i in reversed(range(len(axes))):
        if len(axes) > 1 and str(axes[i].get("name")).lower() in _FRAMES:
            whole = np.issubdtype(data.dtype, np.integer)
            _log.warning("%s holds %d frames: added them up", path.name, data.shape[i])
            data = data.sum(axis=i, dtype=np.int64 if whole else None)
            del axes[i]
    return data, signal, axes


def _is_eds(dataset: dict[str, Any]) -> bool:
    return str(dataset.get("metadata", {}).get("Signal", {}).get("signal_type", "")).startswith("EDS")


def _energy_position(axes: list[dict[str, Any]]) -> int | None:
    """Position of the energy axis: by unit or name first, then by the reader's mark, which can be wrong."""
    named = [i for i, a in enumerate(axes) if _kev_per_unit(a) or "energy" in str(a.get("name")).lower()]
    marked = [i for i, a in enumerate(axes) if a.get("navigate") is False]
    return next((found[0] for found in (named, marked) if len(found) == 1), None)


def _kev_per_unit(axis: dict[str, Any]) -> float | None:
    return {"kev": 1.0, "ev": 1e-3}.get(str(axis.get("units")).strip().lower())


def _energy_kev(path: Path, axis: dict[str, Any]) -> np.ndarray:
    """Channel centres in keV.

    The width of an EDS channel (0.5 to 200 eV) tells eV from keV without a label, so a wrong label shows.
    """
    values = axis.get("axis")
    if values is None:
        values = axis["offset"] + axis["scale"] * np.arange(axis["size"])
    values = np.asarray(values, dtype=np.float64)
    width = float(np.median(np.diff(values))) if values.size > 1 else math.nan
    by_width = 1.0 if 5e-4 <= width <= 0.2 else 1e-3 if 0.5 <= width <= 200 else None
    by_label = _kev_per_unit(axis)
    if by_label is None and (by_width is None or (width == 1 and values[0] == 0)):
        raise _Refused(
            f"the energy axis of {path.name!r} is not calibrated (step {width:g}, no unit): "
            "set scale, offset and units (keV) in the file, or pass an array to "
            "bayesunmix.SpectrumImage(counts, energy_kev)"
        )
    if by_width is not None and by_label != by_width:
        unit = "keV" if by_width == 1 else "eV"
        label = f"is labelled {axis['units']}" if by_label else "has no unit"
        _log.warning("the energy axis of %s %s: read its step of %g as %s", path.name, label, width, unit)
        by_label = by_width
    return values * by_label


def _axis(axis: dict[str, Any]) -> Axis:
    """Return a navigation axis; without a unit it counts in pixels."""
    name, units = (str(axis.get(key) or "") for key in ("name", "units"))
    if units in ("", "<undefined>", "px"):
        return Axis(name or "axis")
    return Axis(
        name or "axis", abs(float(axis["scale"])), units.replace("\u03bc", "\u00b5").replace("um", "\u00b5m")
    )


def _counts(data: Any, energy_kev: np.ndarray) -> sparse.csr_array:
    """Make (..., C) data sparse, (P, C)."""
    events = _recorded_events(data)
    if events is None:
        return sparse.vstack([_sparse(block, energy_kev) for block in _blocks(data)], format="csr")
    pixels = np.ravel_multi_index(tuple(events.coords[:-1].astype(np.int64)), data.shape[:-1])
    shape = (math.prod(data.shape[:-1]), data.shape[-1])
    return sparse.csr_array((events.data, (pixels, events.coords[-1])), shape=shape)


def _recorded_events(data: Any) -> Any:
    """Return the sparse array that a dask array holds unchanged (JEOL, Velox): no need to make it dense."""
    layers = {name.split("-")[0] for name in data.dask.layers} if hasattr(data, "dask") else {"numpy"}
    if layers - {"original", "array", "astype"}:
        return None
    return next((held for held in data.dask.values() if getattr(held, "coords", None) is not None), None)


def _blocks(data: Any) -> Iterator[np.ndarray]:
    """Cut an array into dense pieces of (pixels, C), in C order, by halving until a piece is small."""
    if data.ndim == 1 or data.nbytes <= _BLOCK_BYTES:
        if hasattr(data, "compute"):  # dask: its threads only wait for each other here
            data = data.compute(scheduler="synchronous")
        yield np.asarray(data).reshape(-1, data.shape[-1])
    elif len(data) == 1:
        yield from _blocks(data[0])
    else:
        half = len(data) // 2
        yield from _blocks(data[:half])
        yield from _blocks(data[half:])


def _sparse(block: np.ndarray, energy_kev: np.ndarray) -> sparse.csr_array:
    """Make a (pixels, C) block sparse; refuse fractions here, before a cube of them fills the memory."""
    if np.issubdtype(block.dtype, np.floating) and not (block == np.rint(block)).all():
        SpectrumImage(block, energy_kev)
    pixels, channels = block.shape
    where = np.flatnonzero(block != 0)  # some ten times faster than SciPy's own conversion
    begin = np.searchsorted(where, np.arange(pixels + 1) * channels).astype(np.int32)
    return sparse.csr_array(
        (block.ravel()[where], (where % channels).astype(np.int32), begin), shape=block.shape
    )

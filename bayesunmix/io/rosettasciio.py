"""Read microscope files with the readers of RosettaSciIO (https://hyperspy.org/rosettasciio).

A file may hold images beside the spectrum image, or repeat the map in frames. This module finds the spectrum image
and adds the frames up; `bayesunmix.io.dataset` makes sense of its axes and makes it sparse.

RosettaSciIO is an optional package under the GPL: it is imported when a file is read, and only its readers are
called.
"""

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import to_image
from bayesunmix.io.reading_axes import Refused, channel_position, note_signal_type

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
_WANTED = ("an axis of channels", "an energy axis (signal='any' reads counts on any other axis)")
_FRAMES = {"frame", "frames", "sweep", "sweeps", "time"}


def load(path: Path, signal: Signal = "eds") -> SpectrumImage:
    """Read the spectrum image of a microscope file.

    Raises
    ------
    ValueError
        If the reader fails, or the file holds no spectrum image, no calibrated axis of channels, or no counts.
    ModuleNotFoundError
        If RosettaSciIO, or what it needs for this format, is not installed.
    """
    with _quiet():
        try:
            data, axes = _spectrum_image(path, _call_reader(path), signal)
            return to_image(repr(path.name), data, axes, signal=signal)
        except (MemoryError, ModuleNotFoundError, Refused):
            raise
        except Exception as error:  # a reader of damaged files may raise anything
            said = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(
                f"cannot read {path.name!r}: it is damaged, cut short or not a {path.suffix} file "
                f"(the reader said: {said[:200]}); copy it again from the microscope"
            ) from error


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
    raise Refused(f"{path.name!r} is cut short or not a {suffix} file; copy it again from the microscope")


def _spectrum_image(
    path: Path, datasets: list[dict[str, Any]], signal: Signal
) -> tuple[Any, list[dict[str, Any]]]:
    """Choose the spectrum image among the datasets of a file: its data, NumPy or dask, and axes, frames added up."""
    spectral = [dataset for dataset in datasets if _has_channels(dataset, signal)]
    images = [dataset for dataset in spectral if dataset["data"].ndim > 1]
    if not images:
        found = ", ".join(" x ".join(map(str, dataset["data"].shape)) for dataset in datasets) or "nothing"
        raise Refused(
            f"{path.name!r} holds {'one spectrum' if spectral else 'no spectrum image'} ({found}): "
            f"needed are counts over pixels and {_WANTED[signal != 'any']}; name the file of the map"
        )
    dataset = max(images, key=lambda image: (signal != "any" and _is_eds(image), image["data"].size))
    if len(images) > 1:
        shape = " x ".join(map(str, dataset["data"].shape))
        _log.warning("%s holds %d spectrum images: read the one of %s", path.name, len(images), shape)
    note_signal_type(path.name, _signal_type(dataset), signal)
    data, axes = dataset["data"], list(dataset["axes"])
    channels = axes[channel_position(axes, signal) or 0]
    for i in reversed(range(len(axes))):
        if len(axes) > 2 and axes[i] is not channels and str(axes[i].get("name")).lower() in _FRAMES:
            whole = np.issubdtype(data.dtype, np.integer)
            _log.warning("%s holds %d frames: added them up", path.name, data.shape[i])
            data = data.sum(axis=i, dtype=np.int64 if whole else None)
            del axes[i]
    return data, axes


def _has_channels(dataset: dict[str, Any], signal: Signal) -> bool:
    """Return True for spectra, and False for images: of any signal those have one axis that is no navigation."""
    axes = dataset["axes"]
    if signal == "any":
        marks = [axis.get("navigate") for axis in axes]
        return marks.count(False) == 1 or False not in marks
    return channel_position(axes, signal) is not None


def _is_eds(dataset: dict[str, Any]) -> bool:
    return _signal_type(dataset).startswith("EDS")


def _signal_type(dataset: dict[str, Any]) -> str:
    return str(dataset.get("metadata", {}).get("Signal", {}).get("signal_type", ""))

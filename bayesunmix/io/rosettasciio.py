"""Read microscope files with the readers of RosettaSciIO (https://hyperspy.org/rosettasciio).

A file may hold images beside the spectrum image, or repeat the map in frames. This module finds the spectrum image
and adds the frames up; `bayesunmix.io.dataset` makes sense of its axes and makes it sparse.

RosettaSciIO is an optional package under the GPL: it is imported when a file is read, and only its readers are
called. This happens in a process of its own (`bayesunmix.io.child`).
"""

import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import listed, parts_of
from bayesunmix.io.reading_axes import Refused, channel_position, note_signal_type

_log = logging.getLogger("bayesunmix")

# Suffix -> RosettaSciIO module and the options it is called with.
READERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".emd": ("emd", {"lazy": True}),
    ".hspy": ("hspy", {"lazy": True}),
    ".msa": ("msa", {}),
    ".zspy": ("zspy", {"lazy": True}),
}
_WANTED = ("an axis of channels", "an energy axis (signal='any' reads counts on any other axis)")
_FRAMES = {"frame", "frames", "sweep", "sweeps", "time"}


def read_with_rosettasciio(
    path: Path, dataset: int | None = None, signal: Signal | None = None
) -> Iterator[Any]:
    """Yield the frame of a spectrum image, and then its counts, some pixels at a time.

    Parameters
    ----------
    path : Path
    dataset : int, optional
        Which of the spectrum images of the file; where not given, the largest, EDS before others.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If the file holds no spectrum image, no calibrated axis of channels, or no counts.
    """
    image = chosen_image(path, datasets_of(path), dataset, signal)
    yield from parts_of(repr(path.name), *_without_frames(path, image, signal), signal)


def datasets_of(path: Path, **options: Any) -> list[dict[str, Any]]:
    """Call the reader of a file; return all that it finds, as RosettaSciIO describes it."""
    module, always = READERS.get(path.suffix.lower(), READERS[".hspy"])
    return importlib.import_module(f"rsciio.{module}").file_reader(str(path), **always, **options)


def chosen_image(
    path: Path, datasets: list[dict[str, Any]], chosen: int | None, signal: Signal | None
) -> dict[str, Any]:
    """Choose the spectrum image among the datasets of a file.

    Raises
    ------
    Refused
        If there is none, or none of that number.
    """
    spectral = [dataset for dataset in datasets if _has_channels(dataset, signal)]
    images = [dataset for dataset in spectral if dataset["data"].ndim > 1]
    if not images:
        found = ", ".join(_size(dataset) for dataset in datasets) or "nothing"
        raise Refused(
            f"{path.name!r} holds {'one spectrum' if spectral else 'no spectrum image'} ({found}): "
            f"needed are counts over pixels and {_WANTED[signal != 'any']}; name the file of the map"
        )
    largest = max(
        range(len(images)), key=lambda i: (signal != "any" and is_eds(images[i]), images[i]["data"].size)
    )
    image = images[listed(path.name, [_describe(image) for image in images], chosen, largest)]
    note_signal_type(path.name, _signal_type(image), signal)
    return image


def is_eds(dataset: dict[str, Any]) -> bool:
    """Return True if the file calls a dataset EDS."""
    return _signal_type(dataset).startswith("EDS")


def _has_channels(dataset: dict[str, Any], signal: Signal | None) -> bool:
    """Return True for spectra, and False for images: of any signal those have one axis that is no navigation."""
    axes = dataset["axes"]
    if signal == "any":
        marks = [axis.get("navigate") for axis in axes]
        return marks.count(False) == 1 or False not in marks
    return channel_position(axes, signal) is not None


def _without_frames(
    path: Path, image: dict[str, Any], signal: Signal | None
) -> tuple[Any, list[dict[str, Any]]]:
    """Return the data of an image, NumPy or dask, and its axes, frames added up."""
    data, axes = image["data"], list(image["axes"])
    channels = axes[channel_position(axes, signal) or 0]
    for i in reversed(range(len(axes))):
        if len(axes) > 2 and axes[i] is not channels and str(axes[i].get("name")).lower() in _FRAMES:
            wide = np.int64 if np.issubdtype(data.dtype, np.integer) else np.float64
            _log.warning("%s holds %d frames: added them up", path.name, data.shape[i])
            data = data.sum(axis=i, dtype=wide)
            del axes[i]
    return data, axes


def _signal_type(dataset: dict[str, Any]) -> str:
    return str(dataset.get("metadata", {}).get("Signal", {}).get("signal_type", ""))


def _size(dataset: dict[str, Any]) -> str:
    return " x ".join(map(str, dataset["data"].shape))


def _describe(dataset: dict[str, Any]) -> str:
    title = dataset.get("metadata", {}).get("General", {}).get("title", "")
    return " ".join(filter(None, [str(title), _signal_type(dataset), _size(dataset)]))

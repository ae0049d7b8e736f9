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

from bayesunmix.io.dataset import Refused, energy_position, listed, parts_of

_log = logging.getLogger("bayesunmix")

# Suffix -> RosettaSciIO module and the options it is called with. No pixel of a Velox file exceeds that type.
READERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".emd": ("emd", {"lazy": True, "SI_dtype": np.uint32}),
    ".hspy": ("hspy", {"lazy": True}),
    ".msa": ("msa", {}),
    ".zspy": ("zspy", {"lazy": True}),
}
_FRAMES = {"frame", "frames", "sweep", "sweeps", "time"}


def read_with_rosettasciio(path: Path, dataset: int | None = None) -> Iterator[Any]:
    """Yield the frame of a spectrum image, and then its counts, some pixels at a time.

    Parameters
    ----------
    path : Path
    dataset : int, optional
        Which of the spectrum images of the file; where not given, the largest, EDS before others.

    Raises
    ------
    Refused
        If the file holds no spectrum image, no calibrated energy axis, or no counts.
    """
    data, axes = _spectrum_image(path, _call_reader(path), dataset)
    yield from parts_of(repr(path.name), data, axes)


def _call_reader(path: Path) -> list[dict[str, Any]]:
    module, options = READERS.get(path.suffix.lower(), READERS[".hspy"])
    return importlib.import_module(f"rsciio.{module}").file_reader(str(path), **options)


def _spectrum_image(
    path: Path, datasets: list[dict[str, Any]], chosen: int | None
) -> tuple[Any, list[dict[str, Any]]]:
    """Choose the spectrum image among the datasets of a file: its data, NumPy or dask, and axes, frames added up."""
    spectral = [dataset for dataset in datasets if energy_position(dataset["axes"]) is not None]
    images = [dataset for dataset in spectral if dataset["data"].ndim > 1]
    if not images:
        found = ", ".join(_size(dataset) for dataset in datasets) or "nothing"
        raise Refused(
            f"{path.name!r} holds {'one spectrum' if spectral else 'no spectrum image'} ({found}): "
            "needed are counts over pixels and an energy axis; name the file of the map"
        )
    largest = max(range(len(images)), key=lambda i: (_is_eds(images[i]), images[i]["data"].size))
    dataset = images[listed(path.name, [_describe(image) for image in images], chosen, largest)]
    data, axes = dataset["data"], list(dataset["axes"])
    for i in reversed(range(len(axes))):
        if len(axes) > 2 and str(axes[i].get("name")).lower() in _FRAMES:
            whole = np.issubdtype(data.dtype, np.integer)
            _log.warning("%s holds %d frames: added them up", path.name, data.shape[i])
            data = data.sum(axis=i, dtype=np.int64 if whole else None)
            del axes[i]
    return data, axes


def _is_eds(dataset: dict[str, Any]) -> bool:
    return _signal_type(dataset).startswith("EDS")


def _signal_type(dataset: dict[str, Any]) -> str:
    return str(dataset.get("metadata", {}).get("Signal", {}).get("signal_type", ""))


def _size(dataset: dict[str, Any]) -> str:
    return " x ".join(map(str, dataset["data"].shape))


def _describe(dataset: dict[str, Any]) -> str:
    title = dataset.get("metadata", {}).get("General", {}).get("title", "")
    return " ".join(filter(None, [str(title), _signal_type(dataset), _size(dataset)]))

"""Read the element maps that microscope files hold beside the counts, through RosettaSciIO."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.io.reading_axes import Refused
from bayesunmix.io.rosettasciio import datasets_of

_MOST_PIXELS = 2**27


def read_emd_maps(path: Path) -> Iterator[Any]:
    """Yield (title, map) of every image of a Velox .emd; runs in the child.

    Raises
    ------
    Refused
        If the file holds no images.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            is_velox = "Data/Image" in file
    except OSError as error:
        raise Refused(f"{path.name!r} is no .emd file, or damaged; copy it again") from error
    yield from _maps(path, datasets_of(path, **({"select_type": "images"} if is_velox else {})))


def read_jeol_map(path: Path) -> Iterator[Any]:
    """Yield (title, map) of a JEOL .map; runs in the child.

    Raises
    ------
    Refused
        If the file holds no map.
    """
    from rsciio.jeol import file_reader

    yield from _maps(path, file_reader(str(path)))


def _maps(path: Path, datasets: list[dict[str, Any]]) -> Iterator[Any]:
    found = 0
    for dataset in datasets:
        data, axes = dataset["data"], dataset["axes"]
        if np.ndim(data) != 2 or any("energy" in str(axis.get("name")).lower() for axis in axes):
            continue
        if data.size > _MOST_PIXELS:
            raise Refused(f"{path.name!r} is damaged: it says that a map has {data.size:,} pixels")
        values = np.asarray(data.compute(scheduler="synchronous") if hasattr(data, "compute") else data)
        if values.dtype.kind not in "iuf" or not values.size:
            continue
        found += 1
        yield str(dataset.get("metadata", {}).get("General", {}).get("title", "")), values
    if not found:
        raise Refused(f"{path.name!r} holds no maps; name the file that has them")

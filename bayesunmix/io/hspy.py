"""Write a spectrum image as HyperSpy's own file, through RosettaSciIO.

HyperSpy opens X-rays that electrons excited as `EDS_TEM`, and anything else as a plain signal.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.image import SpectrumImage

# Dense bytes held at a time.
_BLOCK = 1 << 26


def save(image: SpectrumImage, path: Path, title: str) -> None:
    """Write the image; its counts are made dense a block at a time. HyperSpy's files have no place for a mask.

    Parameters
    ----------
    image : SpectrumImage
    path : Path
        Ending in .hspy.
    title : str
        What HyperSpy shows as the name of the signal.

    Raises
    ------
    ModuleNotFoundError
        If RosettaSciIO, the extra `io`, is not installed.
    """
    try:
        from rsciio.hspy import file_writer
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "writing .hspy takes RosettaSciIO: pip install 'bayesunmix[io]', or write .npz"
        ) from error
    axes = [
        _axis(axis.name, axis.units, axis.scale, axis.offset, size, navigate=True)
        for axis, size in zip(image.axes, image.navigation_shape, strict=True)
    ]
    channels = image.spectral_axis
    step = float(np.diff(channels.values).mean())
    axes.append(
        _axis(
            channels.name, channels.units, step, float(channels.values[0]), image.n_channels, navigate=False
        )
    )
    file_writer(
        str(path),
        {
            "data": _lazy(image),
            "axes": axes,
            "metadata": {
                "General": {"title": title},
                "Signal": {"signal_type": "EDS_TEM" if channels.signal == "eds" else ""},
                "_HyperSpy": {"Folding": {"unfolded": False}},
            },
            "original_metadata": {},
            "learning_results": {},
            "models": None,
            "tmp_parameters": {},
            "attributes": {"_lazy": True, "ragged": False},
            "package_info": {"package": "", "package_version": ""},
        },
        show_progressbar=False,
    )


def _axis(name: str, units: str, scale: float, offset: float, size: int, *, navigate: bool) -> dict[str, Any]:
    return {
        "_type": "UniformDataAxis",
        "name": name,
        "units": units,
        "scale": scale,
        "offset": offset,
        "size": size,
        "navigate": navigate,
        "is_binned": not navigate,
    }


def _lazy(image: SpectrumImage) -> Any:
    """Return the dense counts as a dask array of `image.shape`, a run of the first axis in each block."""
    import dask.array as da

    first, rest = image.shape[0], image.shape[1:]
    rows = math.prod(rest[:-1])
    step = max(1, _BLOCK // (rows * rest[-1] * image.counts.dtype.itemsize))

    def dense(block: np.ndarray) -> np.ndarray:
        start, stop = int(block[0]), int(block[-1]) + 1
        return image.counts[start * rows : stop * rows].toarray().reshape(-1, *rest)

    index = da.from_array(np.arange(first), chunks=step)
    return index.map_blocks(
        dense,
        dtype=image.counts.dtype,
        chunks=(index.chunks[0], *((n,) for n in rest)),
        new_axis=list(range(1, len(image.shape))),
        meta=np.empty((0,) * len(image.shape), image.counts.dtype),
    )

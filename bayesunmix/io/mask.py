"""Read a mask from a `.npy` file of bools, as `numpy.save(file, mask)` writes it."""

from pathlib import Path

import numpy as np

from bayesunmix.running.home import at_home


def read_mask(path: str | Path) -> np.ndarray:
    """Read a mask, True for pixels to use; `SpectrumImage.within` says whether it fits an image.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a `.npy` file of one array.
    """
    path = at_home(path)
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; name the .npy file of the mask")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (Exception, MemoryError) as error:  # a damaged header is read as Python, and may raise anything
        raise ValueError(
            f"{path.name!r} must be a .npy file of a bool array, and is none; write it with numpy.save(file, mask)"
        ) from error

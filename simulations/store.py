"""Stream an acquisition to an HDF5 file (`bayesunmix.io.h5`), block by block: for series larger than memory."""

from pathlib import Path

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.io.file import whole_file
from bayesunmix.io.h5 import write_blocks
from bayesunmix.running.home import at_home
from simulations.acquisition import Acquisition
from simulations.phantom import Phantom
from simulations.trial import expose


def write_series(
    phantom: Phantom,
    dose: float,
    rng: np.random.Generator | int,
    path: str | Path,
    acquisition: Acquisition | None = None,
) -> Factorization:
    """Acquire a phantom straight into a file. The counts are those of `simulations.acquire`, and never all in memory.

    Parameters
    ----------
    phantom, dose, rng, acquisition
        As for `simulations.acquire`.
    path : str or Path
        Name of the file. It is replaced once the new one is complete. Its folder must exist.

    Returns
    -------
    truth : Factorization
        What `Trial.truth` would be.

    Raises
    ------
    ValueError
        As `simulations.acquire`, also if not even one photon is drawn.
    FileNotFoundError
        If there is no such folder.
    OSError
        If the disk is full or the place cannot be written; nothing is left there.
    """
    exposure, generator = expose(phantom, dose, rng, acquisition or Acquisition())
    path = at_home(path)
    with whole_file(path) as temporary, temporary.open("w+b") as file:
        write_blocks(file, exposure.draw(generator), phantom.energy_kev, exposure.shape, exposure.axes)
    return exposure.mean()

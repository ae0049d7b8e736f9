"""Write a trial to disk: the image in one file, its truth in another, so that no method can read the truth.

`FILE.npz` is a spectrum image (`bayesunmix.read` opens it). `FILE.truth.npz` holds

================  =====================================================
`endmembers`      (K, C), each summing to one
`abundances`      (navigation shape, K) expected counts at this dose
`energy_kev`      (C,) channel centres
`labels`          (K,) names of the components
`phantom`         its name, with `digest` (SHA-256), `dose` and `seed`
================  =====================================================
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bayesunmix.io import write
from simulations.phantom import Trial


def write_trial(trial: Trial, path: str | Path) -> tuple[Path, Path]:
    """Write the image and its truth; files of these names are replaced and never half-written.

    Parameters
    ----------
    trial : Trial
    path : str or Path
        Of the image, ending in .npz; its folder must exist.

    Returns
    -------
    image_path, truth_path : Path

    Raises
    ------
    ValueError
        If the name does not end in .npz.
    FileNotFoundError
        If there is no such folder.
    """
    image_path = Path(path)
    write(trial.image, image_path)
    truth_path = image_path.with_suffix(".truth.npz")
    phantom = trial.phantom
    arrays = {
        "endmembers": trial.truth.endmembers,
        "abundances": trial.truth.abundances.reshape(*phantom.navigation_shape, -1),
        "energy_kev": phantom.energy_kev,
        "labels": np.array(phantom.labels),
        "phantom": np.array(phantom.name),
        "digest": np.array(phantom.digest()),
        "dose": np.array(trial.dose),
        "seed": np.array(-1 if trial.seed is None else trial.seed),
    }
    with whole_file(truth_path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return image_path, truth_path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write, of the same suffix, and rename it to `path` once it is complete.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(path.parent)!r} to write {path.name!r} in; make it first"
        )
    temporary = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

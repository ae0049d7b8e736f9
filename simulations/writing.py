"""Write a trial to disk: the image in one file, its truth in another, so that no method can read the truth.

`FILE` is a spectrum image: `.npz`, `.hspy` (HyperSpy opens it too) or `.h5` (streamed, for series larger than memory);
`bayesunmix.read` opens them all. `FILE.truth.npz` contains

====================  =====================================================
`endmembers`          (K, C), each summing to one
`abundances`          (navigation shape, K) expected counts at this dose
`energy_kev`          (C,) channel centres
`labels`              (K,) names of the components
`phantom`             its name, with `digest` (SHA-256), `dose` and `seed`
`acquisition`         settings of the acquisition, as text
`thickness_nm`        (navigation shape, K) path of the beam
`volume`              (Z, Y, X) material of each voxel, where there is one
`tilts_deg`           (T,) of a series
`line_families`       names, of `line_shares` (families, K): net counts of a family are abundances @ shares
`haadf`               (navigation shape) counted electrons, where acquired
====================  =====================================================
"""

from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.io import hspy, write
from bayesunmix.io.file import whole_file
from bayesunmix.running.home import at_home
from simulations.acquisition import Acquisition
from simulations.phantom import Phantom
from simulations.trial import Trial

FORMATS = (".npz", ".hspy")
_TRUTH = ".truth.npz"


def write_trial(trial: Trial, path: str | Path) -> tuple[Path, Path]:
    """Write the image and its truth. Files of these names are replaced and never half-written.

    Parameters
    ----------
    trial : Trial
    path : str or Path
        Name of the image file, ending in .npz or .hspy; its folder must exist.

    Returns
    -------
    image_path, truth_path : Path

    Raises
    ------
    ValueError
        If the name ends in something else.
    FileNotFoundError
        If there is no such folder.
    OSError
        If the disk is full; nothing is left there.
    """
    image_path = at_home(path)
    if image_path.suffix not in FORMATS:
        raise ValueError(
            f"a trial is written as {' or '.join(FORMATS)}, got {image_path.name!r}; choose one of these endings"
        )
    with whole_file(image_path) as temporary:
        if image_path.suffix == ".hspy":
            hspy.save(trial.image, temporary, title=trial.phantom.name)
        else:
            write(trial.image, temporary)
        # Still inside: an image without its truth is not kept.
        truth_path = image_path.with_suffix(_TRUTH)
        settings = (trial.dose, trial.seed, trial.acquisition)
        _write_truth(truth_path, trial.phantom, trial.truth, *settings, trial.haadf)
    return image_path, truth_path


def write_streamed(
    phantom: Phantom, dose: float, seed: int, path: str | Path, acquisition: Acquisition
) -> tuple[Path, Path]:
    """Acquire a phantom straight into an HDF5 file (`simulations.store`), and write its truth.

    Parameters
    ----------
    phantom, dose, seed, acquisition
        As for `simulations.acquire`.
    path : str or Path

    Returns
    -------
    image_path, truth_path : Path

    Raises
    ------
    ValueError, OSError
        As `write_trial` and `simulations.acquire`.
    """
    from simulations.store import write_series  # which writes by whole_file below

    image_path = at_home(path)
    truth_path = image_path.with_suffix(_TRUTH)
    with whole_file(image_path) as temporary:
        truth = write_series(phantom, dose, seed, temporary, acquisition)
        _write_truth(truth_path, phantom, truth, dose, seed, acquisition, None)
    return image_path, truth_path


def _write_truth(
    path: Path,
    phantom: Phantom,
    truth: Factorization,
    dose: float,
    seed: int | None,
    acquisition: Acquisition,
    haadf: np.ndarray | None,
) -> None:
    arrays: dict[str, Any] = {
        "endmembers": truth.endmembers,
        "abundances": truth.abundances,
        "energy_kev": phantom.energy_kev,
        "labels": np.array(phantom.labels),
        "phantom": np.array(phantom.name),
        "digest": np.array(phantom.digest()),
        "dose": np.array(dose),
        "seed": np.array(-1 if seed is None else seed),
        "acquisition": np.array(repr(acquisition)),
        "thickness_nm": phantom.thickness_nm,
        "volume": phantom.volume,
        "tilts_deg": np.array(phantom.tilts_deg) if phantom.tilts_deg else None,
        "line_families": np.array(list(phantom.line_shares)) if phantom.line_shares else None,
        "line_shares": np.array(list(phantom.line_shares.values())) if phantom.line_shares else None,
        "haadf": haadf,
    }
    for name in ("abundances", "thickness_nm"):
        # Frames that are kept apart stand before the navigation axes.
        if arrays[name] is not None:
            maps = arrays[name].reshape(-1, *phantom.navigation_shape, len(phantom.labels))
            arrays[name] = maps[0] if len(maps) == 1 else maps
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{name: array for name, array in arrays.items() if array is not None})

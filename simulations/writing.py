"""Write a trial to disk: the image in one file, its truth in another, so that no method can read the truth.

`FILE` is a spectrum image: `.npz` (`bayesunmix.read` opens it) or `.hspy` (HyperSpy does too). `FILE.truth.npz` holds

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

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.io import write
from simulations.acquisition import Acquisition
from simulations.hspy import write_hspy
from simulations.phantom import Phantom, Trial

FORMATS = (".npz", ".hspy")


def write_trial(trial: Trial, path: str | Path) -> tuple[Path, Path]:
    """Write the image and its truth; files of these names are replaced and never half-written.

    Parameters
    ----------
    trial : Trial
    path : str or Path
        Of the image, ending in .npz or .hspy; its folder must exist.

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
    image_path = Path(path)
    if image_path.suffix not in FORMATS:
        raise ValueError(
            f"a trial is written as {' or '.join(FORMATS)}, got {image_path.name!r}; choose one of these endings"
        )
    with whole_file(image_path) as temporary:
        if image_path.suffix == ".hspy":
            write_hspy(trial.image, temporary, title=trial.phantom.name)
        else:
            write(trial.image, temporary)
    return image_path, write_truth(
        image_path, trial.phantom, trial.truth, trial.dose, trial.seed, trial.acquisition, trial.haadf
    )


def write_truth(
    image_path: Path,
    phantom: Phantom,
    truth: Factorization,
    dose: float,
    seed: int | None,
    acquisition: Acquisition,
    haadf: np.ndarray | None = None,
) -> Path:
    """Write the truth beside the image of that name; return where."""
    arrays = {
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
    truth_path = image_path.with_suffix(".truth.npz")
    with whole_file(truth_path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{name: array for name, array in arrays.items() if array is not None})
    return truth_path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write, of the same suffix, and rename it to `path` once it is complete.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    PermissionError
        If the folder may not be written to.
    OSError
        If the disk is full.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(path.parent)!r} to write {path.name!r} in; make it first"
        )
    temporary = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except PermissionError as error:
        raise PermissionError(
            f"{path.name!r} may not be written in {str(path.parent)!r}; choose a folder of yours"
        ) from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{str(path)!r} is a folder; give the name of a file in it") from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            f"no room left on the disk while writing {path.name!r}, nothing was kept; "
            "free some space, lower the dose or write elsewhere"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)

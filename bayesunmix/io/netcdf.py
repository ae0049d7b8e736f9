"""Save and load a whole result as one netCDF-4 file, which xarray, ArviZ, HDF5 and MATLAB tools can read.

========================== ===========================================================================================
root                       `endmembers` (component, channel), `abundances` (navigation axes, component), both of the
                           estimate; `energy_kev` (channel), or of a signal that is no X-rays `spectral_values`;
                           `labels` (navigation axes), from methods that have them; `mask` (navigation axes), 1 where
                           a pixel is not masked; only where some are
attributes of the root     `format`: "bayesunmix result 2"; `info`: JSON; `names`, `known`, `unique`: JSON
                           lists, an entry a component; `axis_names`, `axis_units`: JSON lists, and `axis_scales`,
                           `axis_offsets`: an entry for each navigation axis; `signal`: where it is not "eds", and
                           `spectral_name`, `spectral_units` where it is "any"; `doubt`: "not converged" and why,
                           where the fit did not converge
`posterior`                `endmembers` (chain, draw, component, channel); attributes `calibrated`: 0 or 1, and
                           `why_not_calibrated`: what the fit found, or ""
`posterior_abundances`     `abundances` (chain, draw, navigation axes, component): fewer draws, evenly spaced;
                           `abundance_mean`, `abundance_sd` (navigation axes, component) and `partners` (draw), the
                           numbers of their endmember draws, from methods that have them
`feasible`                 `rotations` (rotation, component, endmember): other solutions that fit as well, where they
                           were looked for
`sample_stats`             statistics (chain, draw), from methods that have them
========================== ===========================================================================================

ArviZ knows `posterior` and `sample_stats` by these names. Arrays come back as they were, to the last bit. In `info`,
tuples come back as lists, and what JSON has not (NaN, infinity) as None.
"""

from collections.abc import Iterator
from pathlib import Path

from bayesunmix.data.result import Unmixing
from bayesunmix.io import child
from bayesunmix.io.file import whole_file
from bayesunmix.io.reading_axes import Refused
from bayesunmix.io.result_groups import RESULT_FORMAT, groups_of, result_of
from bayesunmix.running.home import at_home


def save_result(result: Unmixing, path: str | Path) -> None:
    """Write a result; a file of that name is replaced, and never half-written.

    Parameters
    ----------
    result : Unmixing
    path : str or Path
        A name that ends in .nc.

    Raises
    ------
    ValueError
        If it does not end in .nc.
    OSError
        If the folder is missing, may not be written to, or is full.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "layers.nc"
    >>> bu.save_result(result, path)
    >>> bu.load_result(path).estimate.abundances.shape
    (64, 2)
    """
    import xarray

    path = at_home(path)
    if path.suffix.lower() != ".nc":
        raise ValueError(f"a result is written as .nc, got {path.name!r}; choose a name that ends in .nc")
    groups = groups_of(result)
    # Without an encoding of its own, xarray would mark NaN as a fill value.
    encoding = {name: {v: {"_FillValue": None} for v in group.data_vars} for name, group in groups.items()}
    with whole_file(path) as temporary:
        xarray.DataTree.from_dict(groups).to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def load_result(path: str | Path) -> Unmixing:
    """Read what `save_result` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Unmixing

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or is none of ours.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "layers.nc"
    >>> bu.save_result(result, path)
    >>> bu.load_result(path).estimate.abundances.shape
    (64, 2)
    """
    path = at_home(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    (result,) = child.parts(read_result, path)
    return result


def read_result(path: Path) -> Iterator[Unmixing]:
    """Yield the result of a file.

    Raises
    ------
    Refused
        If the file is damaged, or is none of ours.
    """
    import xarray

    try:
        with xarray.open_datatree(path, engine="h5netcdf", decode_times=False) as tree:
            if tree.attrs.get("format") != RESULT_FORMAT:
                raise ValueError(
                    f"its format is {tree.attrs.get('format')!r} where {RESULT_FORMAT!r} should be"
                )
            yield result_of({node.path: node.to_dataset().load() for node in tree.subtree})
    except MemoryError:
        raise
    except Exception as error:  # whatever HDF5 and xarray raise for damaged files
        raise Refused(
            f"{path.name!r} is not a result that bayesunmix.save_result wrote, or it is damaged: "
            f"{' '.join(str(error).split())[:200]}; unmix again and save"
        ) from error

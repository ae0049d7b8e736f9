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

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Grid
from bayesunmix.data.info import Info
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.io import child
from bayesunmix.io.axes import axes_from_columns, axis_columns, channel_columns, channels_from_columns
from bayesunmix.io.file import whole_file
from bayesunmix.io.plain import plain
from bayesunmix.io.reading_axes import Refused
from bayesunmix.running.home import at_home

if TYPE_CHECKING:
    import xarray

RESULT_FORMAT = "bayesunmix result 2"
_MOMENTS = ("abundance_mean", "abundance_sd")
_OF_COMPONENTS = ("names", "known", "unique")
# Names in the file that no navigation axis may have, and names that HDF5 and xarray take; axis_0, ... are ours.
_NAMES = {"component", "channel", "chain", "draw", "endmembers", "abundances", "labels", "mask"}
_NAMES |= {"partners", "energy_kev", "spectral_values", *_MOMENTS}
_PLAIN = re.compile(r"(?!axis_\d+$)[^\W\d_][^\x00-\x1f/]*")


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
    groups = {"/": _estimate(result)} | ({} if result.posterior is None else _posterior(result))
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
            yield _result({node.path: node.to_dataset().load() for node in tree.subtree})
    except MemoryError:
        raise
    except Exception as error:  # whatever HDF5 and xarray raise for damaged files
        raise Refused(
            f"{path.name!r} is not a result that bayesunmix.save_result wrote, or it is damaged: "
            f"{' '.join(str(error).split())[:200]}; unmix again and save"
        ) from error


def _estimate(result: Unmixing) -> "xarray.Dataset":
    import xarray

    axes = _axis_names(result)
    shape = _shape(result)
    estimate = result.estimate
    variables: dict = {
        "endmembers": (["component", "channel"], estimate.endmembers),
        "abundances": (
            [*axes, "component"],
            estimate.abundances.reshape(*shape, -1),
            {"units": "expected counts"},
        ),
    }
    if result.labels is not None:
        variables["labels"] = (axes, result.labels.reshape(shape))
    attributes: dict = {"format": RESULT_FORMAT, "info": json.dumps(plain(result.info), allow_nan=False)}
    attributes |= {name: json.dumps(getattr(result, name)) for name in _OF_COMPONENTS}
    if result.doubt:
        attributes["doubt"] = result.doubt
    if result.grid is not None:
        channels = result.grid.spectral_axis
        for name, column in channel_columns(channels).items():
            if isinstance(column, str):
                attributes[name] = column
            else:
                variables[name] = ("channel", column, {"units": channels.units})
        if result.grid.mask is not None:
            variables["mask"] = (axes, result.grid.mask.astype(np.uint8))
        columns = axis_columns(result.grid.axes)
        attributes |= columns | {name: json.dumps(columns[name]) for name in ("axis_names", "axis_units")}
    return xarray.Dataset(variables, attrs=attributes)


def _posterior(result: Unmixing) -> dict[str, "xarray.Dataset"]:
    import xarray

    posterior = result.posterior
    assert posterior is not None
    axes, shape = _axis_names(result), _shape(result)
    abundances = posterior.abundances
    kept: dict = {
        "abundances": (
            ["chain", "draw", *axes, "component"],
            abundances.reshape(*abundances.shape[:2], *shape, -1),
        )
    }
    for name in _MOMENTS:
        moment = getattr(posterior, name)
        if moment is not None:
            kept[name] = ([*axes, "component"], moment.reshape(*shape, -1))
    if posterior.partners is not None:
        kept["partners"] = ("draw", posterior.partners)
    groups = {
        "/posterior": xarray.Dataset(
            {"endmembers": (["chain", "draw", "component", "channel"], posterior.endmembers)},
            attrs={
                "calibrated": int(posterior.calibrated),
                "why_not_calibrated": posterior.why_not_calibrated,
            },
        ),
        "/posterior_abundances": xarray.Dataset(kept),
    }
    if posterior.rotations is not None:
        dims = ["rotation", "component", "endmember"]
        groups["/feasible"] = xarray.Dataset({"rotations": (dims, posterior.rotations)})
    if posterior.statistics:
        statistics = {name: (["chain", "draw"], value) for name, value in posterior.statistics.items()}
        groups["/sample_stats"] = xarray.Dataset(statistics)
    return groups


def _result(groups: dict[str, "xarray.Dataset"]) -> Unmixing:
    root = groups["/"]
    shape = root["abundances"].shape
    flat = (math.prod(shape[:-1]), shape[-1])
    estimate = Factorization(root["endmembers"].values, root["abundances"].values.reshape(flat))
    posterior = None
    if "/posterior" in groups:
        kept, drawn = groups["/posterior_abundances"], groups["/posterior"]
        abundances = kept["abundances"].values
        more = {name: kept[name].values.reshape(flat) for name in _MOMENTS if name in kept}
        if "partners" in kept:
            more["partners"] = kept["partners"].values
        if "/feasible" in groups:
            more["rotations"] = groups["/feasible"]["rotations"].values
        posterior = Posterior(
            drawn["endmembers"].values,
            abundances.reshape(*abundances.shape[:2], *flat),
            {str(name): values.values for name, values in groups.get("/sample_stats", {}).items()},
            bool(drawn.attrs["calibrated"]),
            why_not_calibrated=str(drawn.attrs.get("why_not_calibrated", "")),
            **more,
        )
    _require_finite(estimate, posterior)
    grid = None
    if "energy_kev" in root or "spectral_values" in root:
        names, units = (json.loads(root.attrs[key]) for key in ("axis_names", "axis_units"))
        scales, offsets = (np.atleast_1d(root.attrs[key]).tolist() for key in ("axis_scales", "axis_offsets"))
        axes = axes_from_columns(names, scales, units, offsets)
        arrays = {str(name): variable.values for name, variable in root.data_vars.items()}
        channels = channels_from_columns({**root.attrs, **arrays})
        mask = root["mask"].values == 1 if "mask" in root else None
        grid = Grid(channels, (*shape[:-1], channels.values.size), axes, mask)
    labels = root["labels"].values.ravel() if "labels" in root else None
    of_components = {name: tuple(json.loads(root.attrs[name])) for name in _OF_COMPONENTS}
    return Unmixing(estimate, posterior, _info(root.attrs["info"]), labels, grid, **of_components)


def _require_finite(estimate: Factorization, posterior: Posterior | None) -> None:
    """Refuse numbers that no fit gives."""
    held = [estimate.endmembers, estimate.abundances]
    held += [] if posterior is None else [posterior.endmembers, posterior.abundances]
    if not all(np.isfinite(values).all() for values in held):
        raise ValueError("some of its spectra or maps are not finite")


def _info(text: str) -> Info:
    """Read how the fit was made, and refuse what is not written so."""
    info = json.loads(text)
    source = info.get("input") if isinstance(info, dict) else None
    is_whole = isinstance(info, dict) and isinstance(info.get("settings", {}), dict)
    if source is not None:
        is_whole &= isinstance(source, dict) and {"name", "path", "path_from_result", "sha256"} <= set(source)
    if not is_whole:
        raise ValueError("it does not say how the fit was made")
    return cast(Info, info)


def _shape(result: Unmixing) -> tuple[int, ...]:
    return result.estimate.abundances.shape[:1] if result.grid is None else result.grid.shape[:-1]


def _axis_names(result: Unmixing) -> list[str]:
    """Names of the navigation dimensions, which a file wants to be different from all others."""
    if result.grid is None:
        return ["pixel"]
    names = [axis.name.replace("/", "_") for axis in result.grid.axes]
    taken = {*_NAMES, *(n for n in names if names.count(n) > 1)}
    plain = [bool(_PLAIN.fullmatch(name)) and name not in taken for name in names]
    return [
        name if is_plain else f"axis_{i}" for i, (name, is_plain) in enumerate(zip(names, plain, strict=True))
    ]

"""Lay out a result as the groups of a netCDF file, and read it back; `bayesunmix.io.netcdf` describes the layout."""

import json
import math
import re
from typing import TYPE_CHECKING, cast

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Grid
from bayesunmix.data.info import Info
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.io.axes import axes_from_columns, axis_columns, channel_columns, channels_from_columns
from bayesunmix.io.plain import plain

if TYPE_CHECKING:
    import xarray

RESULT_FORMAT = "bayesunmix result 2"
_MOMENTS = ("abundance_mean", "abundance_sd")
_OF_COMPONENTS = ("names", "known", "unique")
# Names in the file that no navigation axis may have, and names that HDF5 and xarray take; axis_0, ... are ours.
_NAMES = {"component", "channel", "chain", "draw", "endmembers", "abundances", "labels", "mask"}
_NAMES |= {"partners", "energy_kev", "spectral_values", *_MOMENTS}
_PLAIN = re.compile(r"(?!axis_\d+$)[^\W\d_][^\x00-\x1f/]*")


def groups_of(result: Unmixing) -> "dict[str, xarray.Dataset]":
    """Return the groups of a result by their paths."""
    return {"/": _estimate(result)} | ({} if result.posterior is None else _posterior(result))


def result_of(groups: "dict[str, xarray.Dataset]") -> Unmixing:
    """Read the groups of a file, which are those of a result.

    Raises
    ------
    ValueError, KeyError
        If they are not; whatever reading raises means that.
    """
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

"""The result of an unmixing as open files that any program reads.

======================== ===================================================================================
`endmembers.csv`         `energy_kev` (or what the channels are, such as `wavelength_nm`), then `component_0`,
                         ..., or names (`Ca-P-O`, `Ni_K`): each column sums to one
`endmember_interval.csv` the same, then `component_0_lower`, `component_0_upper`, ...; with a posterior
`abundances.npz`         `abundances`: expected counts, navigation axes then components; `axis_names`,
                         `axis_scales`, `axis_units`, `axis_offsets`: an entry for each navigation axis. With a
                         posterior also `lower`, `upper` (of the shape of `abundances`) and `interval`, their
                         probability; with a mask also `mask`: navigation axes, True where a pixel is not masked
`result.nc`              the whole result, for `bayesunmix.load_result` and for further commands
                         (`bayesunmix.io.netcdf`)
`summary.json`           what was read, what was asked, how it went
======================== ===================================================================================

Intervals are equal-tailed 90 % intervals, entry by entry, so that `upper` is also the one-sided 95 % upper
limit of a quantity that may be zero. `summary.json` says whether they are calibrated, and in `not_calibrated`
why not.

Of a fit that did not converge every file says so, and why: the tables in a last line that begins with "#", and the
others in an entry `doubt` (an array of `abundances.npz`, an entry of `summary.json`, an attribute of `result.nc`).
``pandas.read_csv(path, comment="#")`` leaves that line out; ``numpy.genfromtxt`` does so by itself, but takes hyphens
out of the names of columns ("CaPO") unless it is told ``deletechars=""``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.io.axes import axis_columns
from bayesunmix.io.file import whole_file
from bayesunmix.io.netcdf import save_result
from bayesunmix.io.plain import plain

INTERVAL = 0.9


def write_results(folder: Path, image: SpectrumImage, result: Unmixing, summary: Mapping[str, Any]) -> None:
    """Write the files above into an existing folder.

    Parameters
    ----------
    folder : Path
    image : SpectrumImage
        The image that was unmixed: its axes describe the files.
    result : Unmixing
    summary : mapping
        Goes to `summary.json`; what JSON cannot hold (NaN, infinity) becomes null.
    """
    estimate = result.estimate
    components = [name.replace(" ", "_") for name in result.names]
    map_shape = (*image.navigation_shape, estimate.n_components)
    _write_table(
        folder / "endmembers.csv", image.spectral_axis, components, estimate.endmembers, result.doubt
    )
    arrays: dict[str, Any] = {
        "abundances": estimate.abundances.reshape(map_shape),
        **axis_columns(image.axes),
    }
    if image.mask is not None:
        arrays["mask"] = image.mask
    if result.posterior is not None:
        lower, upper = result.posterior.interval(INTERVAL)
        names = [f"{name}_{end}" for name in components for end in ("lower", "upper")]
        bounds = np.stack([lower.endmembers, upper.endmembers], axis=1).reshape(len(names), -1)
        _write_table(folder / "endmember_interval.csv", image.spectral_axis, names, bounds, result.doubt)
        arrays |= {"lower": lower.abundances.reshape(map_shape), "upper": upper.abundances.reshape(map_shape)}
        arrays["interval"] = INTERVAL
    if result.doubt:
        arrays["doubt"] = result.doubt
    np.savez_compressed(folder / "abundances.npz", **arrays)
    save_result(result, folder / "result.nc")
    write_summary(folder, summary)


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write `summary.json`, or replace it; what JSON cannot hold (NaN, infinity) becomes null."""
    text = json.dumps(plain(summary), indent=2, allow_nan=False, ensure_ascii=False)
    with whole_file(folder / "summary.json") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _write_table(path: Path, axis: SpectralAxis, names: list[str], rows: np.ndarray, doubt: str) -> None:
    """Write columns of numbers, and below them a comment where the fit did not converge."""
    np.savetxt(
        path,
        np.vstack([axis.values, rows]).T,
        fmt="%.9g",
        delimiter=",",
        header=",".join([axis.column, *names]),
        footer=f"# {doubt}" if doubt else "",
        comments="",
    )

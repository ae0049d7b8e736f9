"""`bayesunmix lines`: maps of the net counts of X-ray lines, and ratios of lines, with intervals."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesunmix.cli.asked import Asked, asking
from bayesunmix.cli.assuming import Assume, read_assumptions
from bayesunmix.cli.options import Image, Include, Interval, Overwrite, Result, out
from bayesunmix.cli.outputs import as_npz, as_png, require_writable, write_each
from bayesunmix.cli.ratios import read_ratios, show_ratios
from bayesunmix.cli.table import digits, laid_out

if TYPE_CHECKING:
    import numpy as np

    from bayesunmix.analysis.intensities import LineIntensity
    from bayesunmix.data.image import SpectrumImage

EXAMPLE = """\
Examples:
  bayesunmix lines first --lines Ni_K,Cr_K --out nickel.png --out nickel.npz
  bayesunmix lines first --ratio Ni_Ka/Cr_Ka"""
_FORMATS = (".npz", ".png")


def lines(
    result: Result,
    image: Image = None,
    families: Annotated[
        str | None,
        typer.Option(
            "--lines",
            metavar="NAMES",
            help="Line families with commas between them, such as Ni_K,Cr_K. "
            "Where not given, the families to choose from are named.",
            show_default=False,
        ),
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(
            metavar="SYMBOLS",
            help="All elements of the specimen, such as Ni,Cr,Al; found in the sum spectrum where not given.",
            show_default=False,
        ),
    ] = None,
    ratio: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE/LINE",
            help="Two lines, such as Fe_Ka/Pt_La: the ratio of the counts in their windows, continuum included, in the "
            "spectrum of each component. Repeat for more.",
            show_default=False,
        ),
    ] = None,
    interval: Interval = 0.9,
    include: Include = "total",
    assume: Assume = None,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Map the net counts of X-ray lines, without continuum and overlaps, and give ratios of lines.

    Below the table stands the energy axis that fits the lines best, with a sentence if the image's own is off. The .npz
    file holds `mean`, `lower` and `upper`, each with the axes of the map and then the lines, and `names`. Of ratios it
    holds `ratio_mean`, `ratio_lower` and `ratio_upper` (ratio, component), `ratios` and `components`.
    """
    require_writable(outputs, _FORMATS, overwrite)
    names, pairs, believed = _names(families), read_ratios(ratio), read_assumptions(assume)
    if believed and not pairs:
        raise ValueError(
            "--assume changes nothing in maps of lines, which no rotation changes; use it with --ratio"
        )
    if pairs and not names and any(file.suffix.lower() == ".png" for file in outputs or ()):
        raise ValueError("a picture shows maps of lines, and none are named; name them by --lines")
    with asking(result, image) as asked:
        from bayesunmix.io.axes import axis_columns
        from bayesunmix.plotting.lines import plot_lines

        if not (names or pairs):
            raise ValueError(
                f"--lines must name line families, got none; choose from {', '.join(_present(asked.image))}"
            )
        arrays: dict[str, Any] = {"interval": interval}
        maps = _maps(asked, names, interval, _names(elements) or None) if names else {}
        if maps:
            stacked = {end: _stacked(maps, end) for end in ("mean", "lower", "upper")}
            arrays |= {**stacked, "names": list(maps), **axis_columns(asked.image.axes)}
        if pairs:
            arrays |= show_ratios(asked, pairs, interval, include, believed)
        picture = as_png(lambda: plot_lines(maps, asked.image, interval), asked.result.doubt)
        write_each(outputs, {".npz": as_npz(arrays, asked.result.doubt), ".png": picture}, asked.files)


def _maps(
    asked: Asked, names: list[str], interval: float, elements: list[str] | None
) -> "dict[str, LineIntensity]":
    """Print a table of maps, and the energy axis that they were found with, and return them."""
    from bayesunmix.analysis.intensities import line_intensities

    found = line_intensities(asked.result, asked.image, names, interval=interval, elements=elements)
    print(_table(found, asked.image, interval))
    print(_axis(asked.image, elements))
    return found


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _present(image: "SpectrumImage") -> tuple[str, ...]:
    """Name the line families of the elements that the sum spectrum shows."""
    from bayesunmix.spectra.element_search import find_elements
    from bayesunmix.spectra.recognition import NOISE_BELOW_KEV

    inside = image.energy_kev >= NOISE_BELOW_KEV
    found = find_elements(image.energy_kev[inside], image.sum_spectrum()[inside].astype(float))
    return found.model.names


def _axis(image: "SpectrumImage", elements: list[str] | None) -> str:
    """Say which energy axis the lines were fitted with, and what to do if it is not the image's."""
    from bayesunmix.spectra.recognition import recognise

    given = None if elements is None else tuple(elements)
    found = recognise(image.energy_kev, image.sum_spectrum(), given)
    fitted = f"energy axis: offset {1000 * found.model.offset_kev:+.1f} eV, gain {found.model.gain:.4f}"
    return "\n".join([fitted, *found.about_axis])


def _stacked(found: dict[str, "LineIntensity"], end: str) -> "np.ndarray":
    import numpy as np

    return np.stack([getattr(maps, end) for maps in found.values()], axis=-1)


def _table(found: dict[str, "LineIntensity"], image: "SpectrumImage", interval: float) -> str:
    """Lay out the mean of each map, and its brightest pixel, as plain text."""
    import numpy as np

    axes = ",".join(axis.name for axis in image.axes)
    takes_part = image.takes_part.reshape(image.navigation_shape)
    rows = [("net counts", "mean of pixels", "highest", f"its {100 * interval:g} % interval", f"at {axes}")]
    for name, maps in found.items():
        at = np.unravel_index(int(maps.mean.argmax()), maps.mean.shape)
        rows.append(
            (
                name,
                digits(maps.mean[takes_part].mean()),
                digits(maps.mean[at]),
                f"{digits(maps.lower[at])} to {digits(maps.upper[at])}",
                ",".join(map(str, at)),
            )
        )
    return laid_out(rows)

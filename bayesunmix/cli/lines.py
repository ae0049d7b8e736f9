"""`bayesunmix lines`: maps of the net counts of X-ray lines, with intervals."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesunmix.cli.asked import asking
from bayesunmix.cli.options import Image, Interval, Overwrite, Result, out
from bayesunmix.cli.outputs import as_npz, as_png, require_writable, write_each
from bayesunmix.cli.table import digits, laid_out

if TYPE_CHECKING:
    import numpy as np

    from bayesunmix.analysis.intensities import LineIntensity
    from bayesunmix.data.image import SpectrumImage

EXAMPLE = """\
Example:
  bayesunmix lines first --lines Ni_K,Cr_K --out nickel.png --out nickel.npz"""
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
    interval: Interval = 0.9,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Map the net counts of X-ray lines, without continuum and overlaps.

    Below the table stands the energy axis that fits the lines best, with a sentence if the image's own is off. The .npz
    file holds `mean`, `lower` and `upper`, each with the axes of the map and then the lines, and `names`.
    """
    require_writable(outputs, _FORMATS, overwrite)
    with asking(result, image) as asked:
        from bayesunmix.analysis.intensities import line_intensities
        from bayesunmix.io.axes import axis_columns
        from bayesunmix.plotting.lines import plot_lines

        names = _names(families)
        if not names:
            raise ValueError(
                f"--lines must name line families, got none; choose from {', '.join(_present(asked.image))}"
            )
        known = _names(elements) or None
        found = line_intensities(asked.result, asked.image, names, interval=interval, elements=known)
        print(_table(found, asked.image, interval))
        print(_axis(asked.image, known))
        arrays = {
            **{end: _stacked(found, end) for end in ("mean", "lower", "upper")},
            "names": list(found),
            "interval": interval,
            **axis_columns(asked.image.axes),
        }
        picture = as_png(lambda: plot_lines(found, asked.image, interval), asked.result.doubt)
        write_each(outputs, {".npz": as_npz(arrays, asked.result.doubt), ".png": picture}, asked.files)


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

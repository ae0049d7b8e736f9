"""`bayesunmix phase-map`: which phase is the nearest to each pixel in composition."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bayesunmix.cli.asked import asking
from bayesunmix.cli.options import Image, Overwrite, Result, Specimen, a_number, out
from bayesunmix.cli.outputs import as_npz, as_png, require_writable, write_each
from bayesunmix.cli.table import laid_out

if TYPE_CHECKING:
    from bayesunmix.analysis.phase_maps import PhaseMap

EXAMPLE = """\
Example:
  bayesunmix phase-map first --at-least 0.95 --out phases.png --out phases.npz"""
_FORMATS = (".npz", ".png")


def phase_map(
    result: Result,
    image: Image = None,
    at_least: Annotated[float, a_number("Probability from which on a pixel is given to a component.")] = 0.9,
    specimen: Specimen = None,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Map the phase that is nearest to each pixel in composition; pixels may be undecided.

    The .npz file holds `labels` (number of the component, -2 undecided, -1 no specimen), `probability` and `names`.
    """
    require_writable(outputs, _FORMATS, overwrite)
    with asking(result, image) as asked:
        from bayesunmix.analysis.phase_maps import phase_map as label
        from bayesunmix.io.axes import axis_columns
        from bayesunmix.io.mask import read_mask
        from bayesunmix.plotting.phase_map import plot_phase_map

        where = None if specimen is None else read_mask(specimen)
        found = label(asked.result, asked.image, at_least=at_least, specimen=where)
        print("\n\n".join([_table(found, asked.result.names), *found.warnings]))
        arrays = {
            "labels": found.labels,
            "probability": found.probability,
            "names": asked.result.names,
            "at_least": at_least,
            **axis_columns(asked.image.axes),
        }
        picture = as_png(lambda: plot_phase_map(found, asked.result, asked.image), asked.result.doubt)
        write_each(outputs, {".npz": as_npz(arrays, asked.result.doubt), ".png": picture}, asked.files)


def _table(found: "PhaseMap", names: tuple[str, ...]) -> str:
    from bayesunmix.analysis.phase_maps import NONE, UNDECIDED

    of_specimen = max(int((found.labels != NONE).sum()), 1)
    kinds = {**{name: k for k, name in enumerate(names)}, "undecided": UNDECIDED}
    rows = [(f"probability at least {found.at_least:g}", "pixels", "of the specimen")]
    for name, label in kinds.items():
        n = int((found.labels == label).sum())
        rows.append((name, str(n), f"{100 * n / of_specimen:.1f} %"))
    rows.append(("no specimen, or masked", str(int((found.labels == NONE).sum())), ""))
    return laid_out(rows)

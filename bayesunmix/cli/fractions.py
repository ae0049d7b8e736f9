"""`bayesunmix fractions`: what share of the whole image each component is."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bayesunmix.cli.asked import asking
from bayesunmix.cli.assuming import Assume, identified_under, read_assumptions
from bayesunmix.cli.options import Image, Include, Interval, Overwrite, Result, Seed, Specimen, out
from bayesunmix.cli.outputs import as_csv, as_json, require_writable, write_each
from bayesunmix.cli.quantities import quantity_rows

if TYPE_CHECKING:
    from bayesunmix.analysis.phases import Area

EXAMPLE = """\
Example:
  bayesunmix fractions first --interval 0.95 --out fractions.csv"""
_FORMATS = (".csv", ".json")


def fractions(
    result: Result,
    image: Image = None,
    interval: Interval = 0.9,
    include: Include = "total",
    assume: Assume = None,
    specimen: Specimen = None,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Infer the fraction of each component in the whole map: of its counts, and of its area."""
    require_writable(outputs, _FORMATS, overwrite)
    believed = read_assumptions(assume)
    with asking(result, image) as asked:
        from bayesunmix.analysis.phases import phase_fractions
        from bayesunmix.io.mask import read_mask

        found = phase_fractions(
            asked.result,
            asked.image,
            interval=interval,
            include=include,
            identified=identified_under(believed, asked),
            specimen=None if specimen is None else read_mask(specimen),
            seed=seed,
        )
        print(found)
        rows = quantity_rows(found.counts)
        content = {
            **asked.origin(),
            "n_pixels": found.counts.n_pixels,
            "n_counts": found.counts.n_counts,
            "quantities": rows,
            "area_fractions": {name: asdict(area) for name, area in found.areas.items()},
            "counts_per_pixel": found.counts_per_pixel,
            "assumptions": found.counts.assumptions,
            "warnings": [*found.counts.warnings, *found.warnings],
        }
        blank = dict.fromkeys(rows[0])
        areas = [
            {**blank, "component": name, "quantity": "area fraction", **_row(area)}
            for name, area in found.areas.items()
        ]
        write_each(
            outputs,
            {".csv": as_csv(rows + areas, asked.result.doubt), ".json": as_json(content, asked.result.doubt)},
            asked.files,
        )


def _row(area: "Area") -> dict[str, float]:
    return {"mean": area.mean, "lower": area.lower, "upper": area.upper, "interval": area.interval}

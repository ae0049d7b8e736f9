"""`bayesunmix region`: what a region of the map holds."""

from pathlib import Path
from typing import Annotated

from bayesunmix.cli.asked import asking
from bayesunmix.cli.assuming import Assume, identified_under, read_assumptions
from bayesunmix.cli.options import Box, Image, Include, Interval, Overwrite, RegionMask, Result, Seed, out
from bayesunmix.cli.outputs import as_csv, as_json, require_writable, write_each
from bayesunmix.cli.places import region_of
from bayesunmix.cli.quantities import quantity_rows

EXAMPLE = """\
Examples:
  bayesunmix region first --box 10:40,0:25
  bayesunmix region first --mask grain.npy --out grain.csv"""
_FORMATS = (".csv", ".json")


def region(
    result: Result,
    image: Image = None,
    box: Box = None,
    mask: RegionMask = None,
    interval: Interval = 0.9,
    include: Include = "total",
    assume: Assume = None,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Infer the counts and the fraction of each component in a region, with three errors.

    The errors are those of counting, of the endmembers, and the range that other solutions leave open.
    """
    require_writable(outputs, _FORMATS, overwrite)
    believed = read_assumptions(assume)
    with asking(result, image) as asked:
        from bayesunmix.analysis.regions import region as infer

        where = region_of(asked.image, box, mask)
        found = infer(
            asked.result,
            asked.image,
            where,
            interval=interval,
            include=include,
            identified=identified_under(believed, asked),
            seed=seed,
        )
        print(found)
        rows = quantity_rows(found)
        content = {
            **asked.origin(),
            "box": box,
            "mask": mask and str(mask),
            "n_pixels": found.n_pixels,
            "n_counts": found.n_counts,
            "quantities": rows,
            "assumptions": found.assumptions,
            "warnings": found.warnings,
        }
        write_each(
            outputs,
            {".csv": as_csv(rows, asked.result.doubt), ".json": as_json(content, asked.result.doubt)},
            asked.files,
        )

"""`bayesunmix rank`: how many components to unmix a file into."""

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesunmix.cli import source
from bayesunmix.cli.notes import listening
from bayesunmix.cli.options import (
    CropBelow,
    Dataset,
    File,
    Mask,
    NoCrop,
    OverwriteFolder,
    Seed,
    Signal,
    a_folder,
    a_whole_number,
)
from bayesunmix.cli.pictures import add_each
from bayesunmix.cli.table import laid_out

if TYPE_CHECKING:
    from bayesunmix.dimension.rank import Rank

EXAMPLE = """\
Example:
  bayesunmix rank map.bcf --out rank"""


def rank(
    file: File,
    most: Annotated[int, a_whole_number("Largest number of components to look for.")] = 12,
    out: Annotated[
        Path | None,
        a_folder("Folder for the numbers and their picture; made here."),
    ] = None,
    seed: Seed = 0,
    mask: Mask = None,
    crop_below: CropBelow = 0.2,
    no_crop: NoCrop = False,
    signal: Signal = None,
    dataset: Dataset = None,
    overwrite: OverwriteFolder = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars and no table.")] = False,
) -> None:
    """Recommend how many components to unmix FILE into, and say how sure that is."""
    from bayesunmix.analysis.dominance import dominated
    from bayesunmix.dimension.rank import rank as count
    from bayesunmix.io.digest import sha256
    from bayesunmix.io.folder import new_folder
    from bayesunmix.io.results import write_summary
    from bayesunmix.running import progress

    with listening(), progress.showing(False if quiet else None):
        with (
            progress.stage(f"counting components of {file.name}"),
            new_folder(out, overwrite) if out else contextlib.nullcontext() as folder,
        ):
            whole, image = source.read_source(file, crop_below, no_crop, mask, signal, dataset)
            found = count(image, most, seed)
            doubts = list(filter(None, [dominated(image)]))
            if folder:
                record = {"name": file.name, "sha256": sha256(file), **source.describe(whole)}
                said = {"input": record, **found.summary(), "warnings": doubts}
                write_summary(folder, said)
        failed, stopped = add_each(out, {"scree.png": partial(_draw, found)}) if out else ([], False)
        if out and failed:
            write_summary(out, {**said, "warnings": [*doubts, *failed]})
    for sentence in [*doubts, *failed]:
        print(f"warning: {sentence}", file=sys.stderr)
    if not quiet:
        _print_evidence(found)
    print(found.sentence)
    if stopped:
        sys.exit(130)


def _draw(found: "Rank", path: Path) -> None:
    from bayesunmix.plotting import plot_rank

    plot_rank(found).savefig(path, dpi=200)


def _print_evidence(found: "Rank") -> None:
    """Print a line for each component: its singular value, what it gained on held-out photons, and what it is."""
    values, limits = found.scree.singular_values, found.scree.thresholds
    gains, errors = found.held_out.gains, found.held_out.errors
    small = {one.number: f"real but small: {one.looks_like}" for one in found.small}
    rows = [("component", "singular value (noise)", "held-out gain, log-likelihood", "verdict")]
    for k in range(min(max(found.scree.n_components, gains.size) + 1, values.size)):
        gain = f"{gains[k - 1]:.0f} +- {errors[k - 1]:.0f}" if 0 < k <= gains.size else ""
        verdict = "recommended" if k < found.n_components else small.get(k + 1, "not seen")
        rows.append((str(k + 1), f"{values[k]:.1f} ({limits[k]:.1f})", gain, verdict))
    print(laid_out(rows))

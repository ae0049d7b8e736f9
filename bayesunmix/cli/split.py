"""`bayesunmix split`: two independent halves of the photons of a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bayesunmix.cli import source
from bayesunmix.cli.notes import listening
from bayesunmix.cli.options import Dataset, File, Mask, OverwriteFolder, Seed, Signal, a_folder

EXAMPLE = """\
Example:
  bayesunmix split map.bcf --out halves
  (label halves/half_a.rpl with the microscope's software, and check the
  labels against halves/half_b.npz)"""


def split(
    file: File,
    out: Annotated[Path, a_folder("Folder for the two halves; made here.")],
    seed: Seed = 0,
    mask: Mask = None,
    signal: Signal = None,
    dataset: Dataset = None,
    overwrite: OverwriteFolder = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars and no summary.")] = False,
) -> None:
    """Give each photon of FILE to one of two files by chance.

    What is found in one half can be tested on the other: no photon is used twice. Each half is written as .npz, and as
    .rpl with its .raw for the software of a microscope. The halves add up to FILE, and no channel is left out.
    """
    from bayesunmix.contracts.arguments import require_seed
    from bayesunmix.data.halves import split as halve
    from bayesunmix.io import npz, ripple_writing
    from bayesunmix.io.digest import sha256
    from bayesunmix.io.folder import new_folder
    from bayesunmix.io.results import write_summary
    from bayesunmix.running import progress

    require_seed(seed)
    with (
        listening(),
        progress.showing(False if quiet else None),
        progress.stage(f"splitting {file.name}"),
        new_folder(out, overwrite) as folder,
    ):
        whole, _ = source.read_source(file, 0.0, True, mask, signal, dataset)
        halves = dict(zip(("half_a", "half_b"), halve(whole, seed), strict=True))
        why = ripple_writing.why_not_ripple(whole)
        for name, half in halves.items():
            npz.save(half, folder / f"{name}.npz")
            if not why:
                ripple_writing.save(half, folder / f"{name}.rpl")
        record = {"name": file.name, "sha256": sha256(file), **source.describe(whole)}
        counts = {name: half.n_photons for name, half in halves.items()}
        warnings = [f"No .rpl was written: {why}."] if why else []
        write_summary(folder, {"input": record, "seed": seed, "counts": counts, "warnings": warnings})
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    if not quiet:
        for name, half in halves.items():
            print(
                f"written    {out / name}{'.npz' if why else '.npz, .rpl and .raw'}: {half.n_photons} counts"
            )

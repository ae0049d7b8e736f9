"""`bayesunmix unmix`: from a file to a folder of results."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesunmix.cli import source, summary
from bayesunmix.cli.assuming import Assume, read_assumptions
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

if TYPE_CHECKING:
    from bayesunmix.data.image import SpectrumImage
    from bayesunmix.data.result import Unmixing

EXAMPLE = """\
Examples:
  bayesunmix unmix map.bcf --out first
  bayesunmix unmix map.bcf --out quick --components 3 --method nmf
  bayesunmix unmix map.bcf --out phases --set endmember_model=phases \\
      --set "phases=Si;Cr;Ni+Al" --report"""


def unmix(
    file: File,
    out: Annotated[Path, a_folder("Folder for the results; made here.")],
    components: Annotated[
        int | None,
        a_whole_number("Number of components; where not given, it is found as `rank` does."),
    ] = None,
    method: Annotated[str, typer.Option(help="A name that `bayesunmix methods` lists.")] = "bayes",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set a setting of the method; repeat for more. `bayesunmix methods NAME` lists them.",
            show_default=False,
        ),
    ] = None,
    assume: Assume = None,
    seed: Seed = 0,
    mask: Mask = None,
    crop_below: CropBelow = 0.2,
    no_crop: NoCrop = False,
    signal: Signal = None,
    dataset: Dataset = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html too: all of it on one page.")
    ] = False,
    overwrite: OverwriteFolder = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress bars, no summary, no warnings of the fit.")
    ] = False,
) -> None:
    """Unmix FILE into endmembers (spectra) and abundances (maps).

    The folder holds result.nc for further questions, tables, pictures, and a summary of what was done. The results are
    written first: a picture or a page that cannot be made is a warning in the summary.
    """
    from bayesunmix.cli.settings import read_settings
    from bayesunmix.contracts.arguments import require_seed
    from bayesunmix.contracts.method import METHODS
    from bayesunmix.contracts.registry import require_name
    from bayesunmix.io.folder import new_folder
    from bayesunmix.io.results import write_results, write_summary
    from bayesunmix.running import progress
    from bayesunmix.running.cost import Cost
    from bayesunmix.unmixing import unmix as fit

    require_name(method, METHODS, "method")
    if components is not None and components < 1:
        raise ValueError(
            f"--components must be at least 1, got {components}; choose how many phases to look for"
        )
    require_seed(seed)
    chosen = read_settings(method, METHODS[method], settings or ())
    believed = read_assumptions(assume)
    shown = False if quiet else None
    with listening(show_warnings=False) as heard, progress.showing(shown):
        with new_folder(out, overwrite) as folder:
            with Cost() as reading, progress.stage(f"reading {file.name}"):
                whole, image = source.read_source(file, crop_below, no_crop, mask, signal, dataset)
                record = source.record_source(
                    file, out, None if no_crop else crop_below, mask, whole, dataset
                )
            with progress.stage(f"unmixing by {method}"):
                result = fit(image, components, method, seed=seed, progress=shown, assume=believed, **chosen)
            result = dataclasses.replace(result, info={**result.info, "input": record})
            said: dict[str, Any] = {
                "input": {**record, **source.describe(whole)},
                "crop": source.describe_crop(whole, image, None if no_crop else crop_below),
                **summary.describe_fit(result, heard, reading),
            }
            write_results(folder, image, result, said)
        failed, stopped = add_each(out, _pictures(image, result, report))
    if failed:
        said["warnings"] += failed
        write_summary(out, said)
    if not quiet:
        summary.print_summary(said, heard, out)
    if stopped or result.info.get("interrupted"):
        print(f"bayesunmix: interrupted; what was found until then is in {str(out)!r}", file=sys.stderr)
        sys.exit(130)


def _pictures(image: "SpectrumImage", result: "Unmixing", report: bool) -> dict[str, Callable[[Path], None]]:
    """Return what is drawn when the results are safe."""

    def maps(path: Path) -> None:
        from bayesunmix.plotting import plot_maps

        plot_maps(result, image).savefig(path, dpi=200)

    def spectra(path: Path) -> None:
        from bayesunmix.plotting import plot_spectra

        plot_spectra(result, image).savefig(path, dpi=200)

    def page(path: Path) -> None:
        from bayesunmix.report import write_report

        write_report(path, result, image)

    return {"maps.png": maps, "spectra.png": spectra, **({"report.html": page} if report else {})}

"""`bayesunmix validate`: whether a claim about a map is right."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from bayesunmix.cli import source
from bayesunmix.cli.notes import listening
from bayesunmix.cli.options import (
    Dataset,
    File,
    Mask,
    OverwriteFolder,
    Seed,
    Signal,
    a_folder,
    a_number,
    a_path,
)

EXAMPLE = """\
Examples:
  bayesunmix validate map.bcf --labels phases.png --legend legend.csv \\
      --areas areas.csv --spectra P1.msa P2.msa --out report
  bayesunmix validate map.emd --claim map.emd --out maps --quick

\b
Exit status: 0 supported, 1 contradicted, 3 undecidable, 2 a mistake in the
request."""
_SEVERAL = ("--claim", "--spectra", "--maps", "--masks", "--elements", "--tolerance")


class SeveralValues(TyperCommand):
    """Let some options take several values at once, as the shell expands ``*.msa``."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its values."""
        spread: list[str] = []
        option = ""
        for argument in args:
            if argument.startswith("-"):
                name, equals, _ = argument.partition("=")
                option = name if name in _SEVERAL else ""
                first = not equals
            elif option:
                spread += [] if first else [option]
                first = False
            spread.append(argument)
        return super().parse_args(context, spread)


COMMAND = SeveralValues


def _files(says: str) -> typer.models.OptionInfo:
    return typer.Option(parser=a_path, metavar="FILE...", help=says, show_default=False)


def _file(says: str) -> typer.models.OptionInfo:
    return typer.Option(parser=a_path, metavar="FILE", help=says, show_default=False)


def validate(
    file: File,
    out: Annotated[Path, a_folder("Folder for the report; made here.")],
    claim: Annotated[
        list[Path] | None,
        _files(
            "Files or folders of the claim, recognised by what is in them (.h5oina, .ctf, .ang, MinDIF, ...)."
        ),
    ] = None,
    labels: Annotated[
        Path | None, _file("Phase map: a picture (with --legend), TIFF, CSV, TXT or NumPy array.")
    ] = None,
    legend: Annotated[Path | None, _file("Names and colours of the phases, CSV.")] = None,
    masks: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE...", help="A mask for each phase.", show_default=False),
    ] = None,
    spectra: Annotated[list[Path] | None, _files("Spectra of the phases: .msa, .emsa, .spx, .csv.")] = None,
    areas: Annotated[Path | None, _file("Area fractions of the phases, CSV.")] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE...", help="Element maps, such as S=s.tif.", show_default=False),
    ] = None,
    elements: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SYMBOLS...",
            help="Elements that each phase is said to hold, such as olivine=Mg,Fe,Si,O.",
            show_default=False,
        ),
    ] = None,
    made_from: Annotated[
        Literal["counts", "elsewhere"] | None,
        typer.Option(
            help="Whether the claim was made from these counts, or from other data (EBSD, by hand).",
            show_default=False,
        ),
    ] = None,
    result: Annotated[
        Path | None, _file("An unmixing of FILE (`bayesunmix unmix`); where not given, it is made here.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what needs no unmixing: seconds instead of minutes.")
    ] = False,
    level: Annotated[float, a_number("Probability of contradicting anything in a right claim.")] = 0.05,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=X",
            help="How far a claim may be off: content, difference, area (fractions), shift_px, shift_ev, ...",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    mask: Mask = None,
    signal: Signal = None,
    dataset: Dataset = None,
    overwrite: OverwriteFolder = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars and no summary.")] = False,
) -> None:
    """Check a claim about FILE (phases, areas, spectra, element maps) against the counts of FILE.

    Every part of the claim ends as supported, contradicted or undecidable, in one sentence with its numbers. The folder
    holds report.html, tables and summary.json.
    """
    from bayesunmix.claims.reading import read_claim
    from bayesunmix.io.folder import new_folder
    from bayesunmix.running import progress
    from bayesunmix.validation.validate import validate as check
    from bayesunmix.validation.validation import STATUS

    allowed = _tolerance(tolerance)
    with listening(show_warnings=False), progress.showing(False if quiet else None):
        said = read_claim(
            *(claim or ()),
            labels=_label_map(labels, masks),
            legend=legend,
            spectra=spectra or (),
            areas=areas,
            maps=_named(maps, "--maps"),
            elements={name: _symbols(text) for name, text in _named(elements, "--elements").items()},
            made_from={"counts": "these counts", "elsewhere": "elsewhere", None: None}[made_from],
        )
        with new_folder(out, overwrite) as folder:
            whole, _ = source.read_source(file, 0.2, True, mask, signal, dataset)
            fitted = None if result is None else _result(result)
            found = check(
                whole,
                said,
                result=fitted,
                tolerance=allowed,
                level=level,
                seed=seed,
                quick=quick,
                progress=False if quiet else None,
            )
            record = source.record_source(file, out, None, mask, whole, dataset)
            found.write(folder, record, shlex.join(["bayesunmix", *sys.argv[1:]]))
    if not quiet:
        print(found.summary())
        print(f"\nwritten    {out}")
    if STATUS[found.verdict]:
        raise typer.Exit(STATUS[found.verdict])


def _tolerance(texts: list[str] | None) -> Any:
    """Read --tolerance NAME=X."""
    import dataclasses

    from bayesunmix.validation.tolerance import Tolerance

    names = [field.name for field in dataclasses.fields(Tolerance)]
    values = {}
    for name, text in _named(texts, "--tolerance").items():
        if name not in names:
            raise ValueError(f"--tolerance has no {name!r}; choose from {', '.join(names)}")
        try:
            values[name] = float(text)
        except ValueError:
            raise ValueError(f"--tolerance {name}= must be followed by a number, got {text!r}") from None
    return Tolerance(**values)


def _named(texts: list[str] | None, option: str) -> dict[str, str]:
    """Read NAME=WHAT, one or several."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, what = text.partition("=")
        if not (name and equals and what):
            raise ValueError(f"{option} must be NAME=VALUE, got {text!r}; for example S=s.tif")
        if name in found:
            raise ValueError(f"{option} names {name!r} twice; name each once")
        found[name] = what
    return found


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(symbol.strip() for symbol in text.split(",") if symbol.strip())


def _label_map(labels: Path | None, masks: list[str] | None) -> Path | dict[str, str] | None:
    """Return the label map, or a mask for each phase."""
    if masks and labels is not None:
        raise ValueError("--labels and --masks both say which phase a pixel is; give one of them")
    return _named(masks, "--masks") if masks else labels


def _result(path: Path) -> Any:
    from bayesunmix.io.netcdf import load_result

    return load_result(path / "result.nc" if path.is_dir() else path)

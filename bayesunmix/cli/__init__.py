"""The command line: `bayesunmix unmix FILE --out DIR`, and questions to the result that it writes.

========================================================== =====================================================
`unmix`, `rank`, `methods`                                 unmix a file, count its components, list the methods
`check`, `identify`                                        does the result fit the counts, and is it the only one
`fractions`, `region`, `phase-map`, `lines`, `denoise`     numbers, maps and spectra with error bars
`quantify`                                                 what each part is made of, in atomic per cent
`report`                                                   one page with all of it
`validate`                                                 is a claim (phases, areas, element maps) right?
`split`                                                    two halves of the photons, to find in one and test on one
========================================================== =====================================================

Exit status: 0 when done; 1 when `check` raises an alarm or `validate` contradicts; 3 when `validate` cannot decide; 2
for a mistake of the user, which is one sentence on standard error; 130 when interrupted. Folders and files appear whole
or not at all. Heavy packages are imported inside the commands, so that `--help` is quick.
"""

import sys
from typing import Annotated

import typer

from bayesunmix.cli import (
    check,
    denoise,
    fractions,
    identify,
    lines,
    methods,
    phase_map,
    quantify,
    rank,
    region,
    report,
    split,
    unmix,
    validate,
)
from bayesunmix.cli.misuse import Misuse, sentence_of
from bayesunmix.running.compilation import keep_compiled_code

_EXAMPLE = """\b
Example:
  bayesunmix unmix map.bcf --out first --report
  bayesunmix check first
  bayesunmix region first --box 10:40,0:25

\b
Exit status: 0 done, 1 `check` raised an alarm or `validate` contradicts, 3 it
cannot decide, 2 a mistake in the request, 130 interrupted."""

app = typer.Typer(
    help="Unmix EDS spectrum images at photon level, with error bars.",
    epilog=_EXAMPLE,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room, command, short in (
    (unmix, unmix.unmix, "Unmix a file into spectra and maps."),
    (rank, rank.rank, "Recommend the number of components of a file."),
    (methods, methods.methods, "List the methods, or the settings of one."),
    (check, check.check, "Check whether a result fits the counts."),
    (identify, identify.identify, "Find other solutions that fit the counts as well."),
    (fractions, fractions.fractions, "Fractions of the components in the whole map."),
    (region, region.region, "Counts and fractions in a region of the map."),
    (phase_map, phase_map.phase_map, "The phase of each pixel, by its composition."),
    (lines, lines.lines, "Maps of the net counts of X-ray lines."),
    (quantify, quantify.quantify, "What each part is made of, in atomic per cent."),
    (denoise, denoise.denoise, "The expected spectrum of a pixel or a region."),
    (report, report.report, "Write all about a result on one page."),
    (validate, validate.validate, "Check a claim about a map against its counts."),
    (split, split.split, "Write two independent halves of the photons."),
):
    app.command(short_help=short, epilog=f"\b\n{room.EXAMPLE}", cls=getattr(room, "COMMAND", None))(command)


def main() -> None:
    """Run a command, turn a mistake into one sentence, and exit."""
    keep_compiled_code()
    try:
        status = app(prog_name="bayesunmix", standalone_mode=False)
    except Misuse as error:
        _fail(sentence_of(error))
    except MemoryError:
        _fail("the image does not fit into memory; crop it, rebin it, or use a machine with more")
    except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
        _fail(error)
    if status == 130:
        print("bayesunmix: interrupted, nothing was written", file=sys.stderr)
    sys.exit(status or 0)


def _fail(sentence: object) -> None:
    print(f"bayesunmix: {sentence}", file=sys.stderr)
    sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"bayesunmix {version('bayesunmix')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())

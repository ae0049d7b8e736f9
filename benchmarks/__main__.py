"""Run benchmarks from the command line: ``python -m benchmarks run SUITE --out DIR``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
_KEYS = {
    "phantom": "phantoms",
    "dose": "doses",
    "seed": "seeds",
    "method": "methods",
    "components": "components",
}
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=A,B", help="Run a part: method=nmf,pca, dose=20, seed=0 or phantom=nicr_film."),
]


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A suite's name (see list), or a .toml file.")],
    out: Annotated[Path, typer.Option(help="Folder of the results. Run the same command again to continue.")],
    only: Only = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of cells that run at the same time.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Use a running dask cluster.")
    ] = None,
) -> None:
    """Run a suite, rank the methods and write the report."""
    from benchmarks.runner import run as run_suite
    from benchmarks.suite_file import load_suite

    try:
        table = run_suite(load_suite(suite).only(**_parse_only(only or [])), out, workers, scheduler)
    except KeyboardInterrupt:
        typer.echo("benchmarks: stopped; the same command continues where this one ended", err=True)
        raise typer.Exit(130) from None
    _print_ranking(table)
    _write_report(out)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="Folder of results.")],
    dose: Annotated[float | None, typer.Option(help="Dose of the maps; by default the middle one.")] = None,
    phantom: Annotated[str | None, typer.Option(help="Phantom of the maps; by default the first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the maps; by default the first.")] = None,
    components: Annotated[
        str | None, typer.Option(help='Number of components of the maps, such as "true+1" or "found".')
    ] = None,
) -> None:
    """Write the report of a folder of results again."""
    _write_report(out, phantom, dose, seed, components)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="Folder of results, or a published CSV file.")],
    after: Annotated[Path, typer.Argument(help="Another one, with cells in common.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also print the scores that did not change.")
    ] = False,
) -> None:
    """Compare two sets of results and print what changed by more than noise."""
    from benchmarks.reporting.compare import compare as compare_results

    sentences, changes = compare_results(before, after)
    for sentence in sentences:
        typer.echo(sentence)
    shown = changes if everything else changes[changes["verdict"] != "alike"]
    typer.echo(shown.to_string(index=False) if len(shown) else "no score changed beyond noise")


@app.command()
def publish(
    out: Annotated[Path, typer.Argument(help="Folder of results.")],
    file: Annotated[Path, typer.Argument(help="CSV file to write.")],
) -> None:
    """Write the scores of a folder of results to a small CSV file, and how they were made beside it."""
    from benchmarks.published import publish as publish_results

    publish_results(out, file)
    typer.echo(f"wrote {file}")


@app.command()
def stand(
    files: Annotated[list[Path], typer.Argument(help="Published CSV files.")],
    before: Annotated[list[Path], typer.Option(help="Folder of results of the code before a move.")],
    after: Annotated[list[Path], typer.Option(help="Folder of the same cells, run by the code of now.")],
) -> None:
    """Let published results stand after a move of the code that changes no digit of a score."""
    from benchmarks.standing import let_stand

    typer.echo(let_stand(files, before, after).to_string())
    typer.echo(f"no score differs; wrote it beside {', '.join(map(str, files))}")


@app.command()
def readme(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the table would change.")
    ] = False,
) -> None:
    """Write the README's table of results from the published files."""
    from benchmarks.reporting.readme_table import write_readme

    changed = write_readme(check)
    if check and changed:
        raise ValueError(
            "the README's table is not that of the published results; run: python -m benchmarks readme"
        )
    typer.echo("the README's table is that of the published results")


@app.command()
def speed(
    subject: Annotated[str, typer.Argument(help="What to measure (see list).")],
    out: Annotated[Path | None, typer.Option(help="CSV file to write the measurements into.")] = None,
) -> None:
    """Measure seconds and peak memory."""
    from benchmarks.speed import HEADING, measure_speeds

    typer.echo(HEADING)
    for row in measure_speeds(subject, out):
        typer.echo(row.line())


@app.command()
def calibration(
    subject: Annotated[str, typer.Argument(help="What to measure (see list).")],
    out: Annotated[
        Path, typer.Option(help="CSV file with a row for each trial. An existing file is continued.")
    ],
    seeds: Annotated[int, typer.Option(help="Number of trials of each cell.")] = 20,
    only: Annotated[
        list[str] | None, typer.Option(metavar="KEY=A,B", help="Measure a part, such as case=core_shell.")
    ] = None,
) -> None:
    """Measure for minutes to hours whether error bars, checks and numbers of components are right."""
    from bayesunmix.running import progress
    from bayesunmix.running.compilation import keep_compiled_code

    keep_compiled_code()
    from benchmarks.calibration import CALIBRATIONS, calibrate

    with progress.showing(True if sys.stderr.isatty() else None):
        rows = calibrate(subject, seeds, out, _parse_keys(only or []))
    typer.echo(CALIBRATIONS[subject].summarise(rows).to_string(index=False))


@app.command("calibration-report")
def calibration_report(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of CSV files that `calibration` wrote; by default the published ones."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/calibration"),
) -> None:
    """Write the report of what `calibration` measured: coverage, ranks, and targets that are missed."""
    from benchmarks.published import RESULTS
    from benchmarks.reporting.calibration_report import write_calibration_report

    for path in write_calibration_report(folder or RESULTS, out):
        typer.echo(f"wrote {path}")


@app.command()
def site(
    out: Annotated[Path, typer.Argument(help="Folder of the pages.")],
) -> None:
    """Write the pages of results for the documentation: Markdown, and figures beside it."""
    from benchmarks.site import write_site

    for path in write_site(out):
        typer.echo(f"wrote {path}")


@app.command("list")
def list_members() -> None:
    """List suites, phantoms, methods, baselines, metrics, and what `speed` and `calibration` measure."""
    from bayesunmix.contracts.method import METHODS
    from benchmarks.baseline import BASELINES
    from benchmarks.calibration import CALIBRATIONS
    from benchmarks.metric import METRICS
    from benchmarks.peer import PEERS
    from benchmarks.speed import SPEEDS
    from benchmarks.suite_file import suite_names
    from simulations.phantom import PHANTOMS

    for kind, names in {
        "suites": suite_names(),
        "phantoms": PHANTOMS,
        "methods": METHODS,
        "peers": PEERS,
        "baselines": BASELINES,
        "metrics": METRICS,
        "speed": SPEEDS,
        "calibrations": CALIBRATIONS,
    }.items():
        typer.echo(f"{kind + ':':<14}{', '.join(names)}")


def main() -> None:
    """Turn a user's mistake into one sentence and exit status 2."""
    try:
        app()
    except (ValueError, OSError) as error:
        typer.echo(f"benchmarks: {error}", err=True)
        sys.exit(2)


def _parse_only(parts: list[str]) -> dict[str, list[str]]:
    chosen = {}
    for part in parts:
        key, _, names = part.partition("=")
        if key not in _KEYS or not names:
            raise ValueError(f"--only must be KEY=A,B with KEY one of {', '.join(_KEYS)}, got {part!r}")
        chosen[_KEYS[key]] = names.split(",")
    return chosen


def _parse_keys(parts: list[str]) -> dict[str, list[str]]:
    """Read KEY=A,B of a calibration, whose keys are its own."""
    for part in parts:
        if not all(part.partition("=")):
            raise ValueError(f"--only must be KEY=A,B, got {part!r}")
    return {key: names.split(",") for key, _, names in (part.partition("=") for part in parts)}


def _print_ranking(table: "pandas.DataFrame") -> None:
    """Print the methods, best first, with their scores over all trials."""
    from rich.console import Console
    from rich.table import Column, Table

    from benchmarks.metric import METRICS
    from benchmarks.reporting.ranking import (
        middle_dose,
        rank_text,
        ranked,
        ranking,
        scores_at,
        trials_compared,
    )

    shown = (*ranked(table), "fit_seconds")
    phantom = table["phantom"].iloc[0]
    dose = middle_dose(table[table["phantom"] == phantom])
    ranks = ranking(table)
    headings = (f"{METRICS[name].label}\n{METRICS[name].unit}" for name in shown)
    printed = Table(
        *(
            Column(heading, no_wrap=True)
            for heading in ("", "Method", "Mean rank\n95 % interval", *headings, "Failed")
        ),
        title=f"Mean rank over {trials_compared(table)}; scores on {phantom} at dose {dose:g} "
        "(mean ± standard error over seeds)",
    )
    for place, (method, scores) in enumerate(scores_at(table, phantom, dose, shown).items(), 1):
        if method in ranks.index:
            rank = ranks.loc[method]
            printed.add_row(str(place), method, rank_text(rank), *scores, f"{rank['failed']:g}")
        else:
            printed.add_row("", method, "bound", *scores, "", style="dim")
    console = Console()
    # A pipe or a log has no width of its own; 80 columns would cut the numbers.
    Console(width=None if console.is_terminal else 160).print(printed)


def _write_report(
    out: Path,
    phantom: str | None = None,
    dose: float | None = None,
    seed: int | None = None,
    components: str | None = None,
) -> None:
    from benchmarks.reporting.report import write_report

    for path in write_report(out, phantom, dose, seed, components):
        typer.echo(f"wrote {path}")


if __name__ == "__main__":
    main()

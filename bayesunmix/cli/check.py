"""`bayesunmix check`: whether a result fits the counts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesunmix.cli.asked import asking
from bayesunmix.cli.options import Image, Overwrite, Result, Seed, a_number, out
from bayesunmix.cli.outputs import as_json, as_png, require_writable, write_each
from bayesunmix.cli.table import laid_out

if TYPE_CHECKING:
    from bayesunmix.checks.outcome import Checks

EXAMPLE = """\
Examples:
  bayesunmix check first --out misfit.png --out misfit.json
  bayesunmix check first && bayesunmix report first --out first.html

\b
Exit status: 0 nothing contradicts the result, 1 an alarm, 2 a mistake in the
request."""
_FORMATS = (".json", ".png")


def check(
    result: Result,
    image: Image = None,
    false_alarms: Annotated[float, a_number("Probability of an alarm where the result is right.")] = 0.01,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Check whether the endmembers of RESULT, and their number, explain the counts of IMAGE."""
    require_writable(outputs, _FORMATS, overwrite)
    with asking(result, image) as asked:
        from bayesunmix.checks.check import check as look
        from bayesunmix.plotting import plot_checks

        found = look(asked.result, asked.image, false_alarms=false_alarms, seed=seed)
        print(_table(found, asked.result.posterior is not None))
        write_each(
            outputs,
            {
                ".json": as_json({**asked.origin(), **found.summary()}, asked.result.doubt),
                ".png": as_png(lambda: plot_checks(found), asked.result.doubt),
            },
            asked.files,
        )
    if found.alarm:
        raise typer.Exit(1)


def _table(found: "Checks", has_intervals: bool) -> str:
    """Lay out what was tested, and what was found, as plain text."""
    tests: dict[str, list[float]] = {
        "windows of the sum spectrum": [] if found.windows is None else list(found.windows.p_value),
        "faults of the detector": [fault.p_value for fault in found.faults.values()],
        "channels, over the map": list(found.channels.p_value),
        "regions of the map": list(found.regions.p_value),
        "held-out photons": [found.held_out.p_value],
    }
    rows = [("test", "tests", "alarms", "smallest p")]
    for name, p_values in tests.items():
        if p_values:
            alarms = sum(p <= found.significant for p in p_values)
            rows.append((name, str(len(p_values)), str(alarms), f"{min(p_values):.2g}"))
    said = [f"ALARM      {s}" if found.alarm else f"no alarm   {s}" for s in found.sentences]
    said += [found.verdict] if found.alarm and has_intervals else []
    share = f"{100 * found.false_alarms:g} %"
    foot = f"(fitted again: {found.fitted_again}; if the result is right, {share} of images give an alarm)"
    return "\n".join([laid_out(rows), "", *said, foot])

"""Write tables, figures and the making of results as Markdown, the same bytes every time."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.published import read_about

_SEVEN_DIGITS = 1e-6  # the digits of a published score
_NUMBER = re.compile(r"$|[*]{0,2}-?\d|n/a|bound")


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table with a row of headings; columns of numbers are aligned on the right."""
    lines = list(rows)
    numeric = [all(_NUMBER.match(row[k]) for row in lines) for k in range(len(headings))]
    rule = "|".join("---:" if is_number else "---" for is_number in numeric)
    head = ["| " + " | ".join(headings) + " |", f"|{rule}|"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in lines)])


def markdown_figure(figure: Figure, path: Path, title: str) -> str:
    """Save a figure beside the page, in `figures/`, and return the line that shows it."""
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, format="png", dpi=150, metadata={"Software": None})
    os.replace(partial, path)
    return f"![{title}]({path.parent.name}/{path.name})"


def how_it_was_made(paths: Iterable[Path]) -> str:
    """Say how the rows of published files were made, and that they stand where the code has moved since."""
    about = {path.name: read_about(path) for path in paths}
    parts = [_making(name, one) for name, one in about.items()]
    notes = [note for key in ("remark", "stands") for note in _notes(key, about)]
    return "\n\n".join(["## How these numbers were made", *parts, *notes])


def _making(name: str, about: dict[str, Any]) -> str:
    """Write commands, dates, commits and machines of a file."""
    commands = "\n".join(about.get("commands", ())) or "nobody wrote the command down"
    facts = [
        ", ".join(about.get("dates", ())),
        f"commit {', '.join(about['commits'])}" if about.get("commits") else "",
        ", ".join(about.get("machines", ())),
    ]
    made = "; ".join(fact for fact in facts if fact)
    return f"`{name}`{f' ({made})' if made else ''}:\n\n```text\n{commands}\n```"


def _notes(key: str, about: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Write each note once, with the files that it is about."""
    notes: dict[str, list[str]] = {}
    for name, one in about.items():
        if key in one:
            notes.setdefault(_standing(one[key]) if key == "stands" else one[key], []).append(f"`{name}`")
    yield from (f"{', '.join(names)}: {note}" for note, names in notes.items())


def _standing(stands: dict[str, Any]) -> str:
    """Say which rows stand although the code has moved since they were made."""
    again = (
        f"The code has moved since these rows were made. The same cells were run before and after the move (commits "
        f"{stands['commit_before']} and {stands['commit_after']}) on one machine, and no score of "
        f"{', '.join(stands['methods'])} differs in any digit."
    )
    older = [
        f"{method} (up to {one['largest_relative_difference']:g} of {one['of']})"
        for method, rows in stands["methods"].items()
        if (one := rows["published_rows"]).get("largest_relative_difference", 0) > _SEVEN_DIGITS
    ]
    rest = stands["not_run_again"]
    return " ".join(
        [again] + (["X"] if older else []) + ([f"Not run again: {', '.join(rest)}."] if rest else [])
    )

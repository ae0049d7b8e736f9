"""Write the page on peers: other people's methods on the same counts, against `bayes`."""

import importlib
import inspect
from pathlib import Path

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.peer import PEERS
from benchmarks.published import read_rows
from benchmarks.reporting.best_peers import (
    COMPARED,
    HEADINGS,
    LEGEND,
    OURS,
    compared_with_peers,
    peers_not_run,
)
from benchmarks.reporting.markdown import how_it_was_made, markdown_figure, markdown_table
from benchmarks.reporting.panels import panel_styles, panels
from benchmarks.site import PAGES

_INTRODUCTION = """# Peers

Peers are other people's methods. They unmix the same photons as ours, in processes and environments of their own, which
`make peers` installs. They get what our methods have: converged runs, several starts, and the public setting that does
best on the film at 5, 20 and 50 counts per pixel, with seeds that no suite uses. Our own settings were not searched in
this way. In the suite `peers`, `espm_nmf` has one start and not eight: the others changed no result where they were
tried, and took most of the time.
"""


@PAGES.register("peers")
def peers(results: Path, figures: Path) -> str:
    """Write the page that compares `bayes` with peers, trial by trial."""
    files = [results / "peers.csv", results / "main.csv"]
    tables = [read_rows(path) for path in files]
    rows = [cells for table in tables for *_, cells in compared_with_peers(table)]
    return "\n\n".join(
        [
            _INTRODUCTION.rstrip(),
            "## Who they are",
            markdown_table(["peer", "environment", "what it is"], [_described(name) for name in PEERS]),
            "## `bayes` and the best peer",
            LEGEND,
            "### Suite `peers`",
            markdown_table(HEADINGS, [cells for *_, cells in compared_with_peers(tables[0])]),
            _absent(tables[0]),
            "### Suite `main_reduced`",
            markdown_table(HEADINGS, [cells for *_, cells in compared_with_peers(tables[1])]),
            f"The map error of `bayes` is the smaller one in {_wins(rows)} of {len(rows)} rows of both tables.",
            "## Every peer against dose",
            *(_figure(tables[0], name, figures) for name in COMPARED),
            how_it_was_made(files),
        ]
    )


def _described(name: str) -> list[str]:
    """Describe a peer by the first line of its file."""
    peer = PEERS[name]
    words = inspect.getdoc(importlib.import_module(peer.__module__)) or ""
    return [name, f"`{peer.environment}`", words.partition("\n")[0]]


def _absent(records: pd.DataFrame) -> str:
    """Say which peers were not run on which phantoms, and which cells did not end."""
    lost = [
        f"{row.method} on `{row.phantom}` at dose {row.dose:g}, seed {row.seed}: {row.message}."
        for row in records[records["status"] != "ok"].itertuples()
    ]
    return " ".join(part for part in (peers_not_run(records), *lost) if part)


def _wins(rows: list[list[str]]) -> int:
    """Count the rows in which the map error of `bayes` is smaller than that of the best peer."""
    ours, theirs = HEADINGS.index("map error of `bayes`"), HEADINGS.index("of the best peer")
    return sum(float(row[ours]) < float(row[theirs].partition(" ")[0]) for row in rows)


def _figure(records: pd.DataFrame, name: str, figures: Path) -> str:
    ran = records[(records["status"] == "ok") & (records["role"] != "bound")]
    by = ran.groupby(["phantom", "dose", "method"])[name].agg(mean="mean", error="sem")
    rows = by.reset_index().rename(columns={"method": "name"})
    drawn = panel_styles([OURS, *sorted(set(rows["name"]) - {OURS})], PEERS)
    figure = panels(rows, drawn, METRICS[name].heading, logarithmic=True)
    return markdown_figure(figure, figures / f"peers-{name}.png", f"{METRICS[name].heading} against dose")

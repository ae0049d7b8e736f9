"""Make the rows of the paper's tables, as text, from the published results."""

import hashlib
from collections.abc import Iterator
from functools import cache

import pandas as pd

from benchmarks.published import read_about
from paper.evidence import Results
from paper.figures.drawing import line_words, method_words, phantom_words
from simulations import PHANTOMS

_SHOWN = {  # phantoms of the table, and what each is for
    "nicr_film": "Cr and Ni layers on Si: pure regions, leaning edges",
    "nicr_needle": "a needle in vacuum: layers seen through each other",
    "nicr_mixed": "no pure pixel: more than one answer",
    "overlapping_lines": "an oxide scale: two spectra nearly alike",
    "trace_precipitates": "an alloy: two phases in a few pixels of an even matrix",
    "particles_espm": "two spheres of minerals in a matrix, as simulated for espm",
    "grains": "a steel: eight phases that share their elements",
}
_FACTS = {"R-hat under 1.1": "chains agree"}


def tables(results: Results) -> dict[str, list[list[str]]]:
    """Return the rows of every table by its name, without headings."""
    return {
        "phantoms": [list(row) for row in _phantoms()],
        "errors": list(_errors(results)),
        "known": list(_known(results)),
        "made": list(_made(results)),
    }


@cache
def _phantoms() -> tuple[tuple[str, ...], ...]:
    """Give a row each phantom. They do not change while a process runs, and some take seconds to make."""
    rows = []
    for name, purpose in _SHOWN.items():
        phantom = PHANTOMS[name]()
        shape = " \N{MULTIPLICATION SIGN} ".join(str(length) for length in phantom.navigation_shape)
        components, channels = phantom.truth.endmembers.shape
        rows.append((phantom_words(name), shape, str(channels), str(components), purpose))
    return tuple(rows)


def _errors(results: Results) -> Iterator[list[str]]:
    for row in results.cells.sort_values(["phantom", "dose", "suite"]).itertuples():
        peer = f"{row.peer_error:.3f} ({method_words(str(row.peer))})"
        yield [
            phantom_words(str(row.phantom)),
            f"{row.dose:g}",
            f"{row.error:.3f}",
            peer,
            f"{row.ratio:.1f}",
            f"{row.angle:.1f}",
            f"{row.peer_angle:.1f}",
            f"{row.coverage:.2f}",
            f"{row.seeds}, {row.peer_seeds}",
        ]


def _known(results: Results) -> Iterator[list[str]]:
    """Give a row each phantom with a false assumption, and each recording: how many facts hold, and which do not."""
    for case, rows in results.known.groupby("case", sort=False):
        holds, trials = int(rows["holds"].sum()), int(rows["trials"].sum())
        missed = [
            line_words(_FACTS.get(str(row.fact), str(row.fact)))
            for row in rows.itertuples()
            if row.holds < row.trials
        ]
        yield [
            phantom_words(str(case)),
            f"{rows['worst_r_hat'].max():.2f}",
            f"{holds} of {trials}",
            "; ".join(missed),
        ]


def _made(results: Results) -> Iterator[list[str]]:
    """Give a row each file. Its digest makes any change of any cell visible, also where every number is rounded."""
    for path in sorted(results.folder.glob("*.csv")):
        about = read_about(path)
        rows = len(results.rows_of(path.name))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        yield [path.name, f"{rows}", _last(about.get("dates")), _last(about.get("commits")), digest]


def _last(kept: object) -> str:
    listed = kept if isinstance(kept, list) else [kept] if kept else []
    return str(pd.Series(listed).iloc[-1])[:10] if listed else "not written down"

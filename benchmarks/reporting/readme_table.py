"""Write the README's table of results: `bayes` against the best peer on six trials of the published results.

``python -m benchmarks readme`` writes the table between two marks of the README, and with ``--check`` says whether it
would change.
"""

from pathlib import Path

from benchmarks.published import RESULTS, read_rows
from benchmarks.record import write_text
from benchmarks.reporting.best_peers import HEADINGS, LEGEND, compared_with_peers, peers_not_run
from benchmarks.reporting.markdown import markdown_table

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- made by `python -m benchmarks readme` -->", "<!-- end -->"
# Few counts and more, lines that overlap, a phase of a thousandth of the counts, a needle in vacuum, and particles.
SHOWN = (
    ("peers", "nicr_film", 5),
    ("peers", "nicr_film", 20),
    ("main", "overlapping_64", 20),
    ("peers", "trace_precipitates", 10),
    ("peers", "nicr_needle", 10),
    ("peers", "particles_espm", 10),
)


def readme_table(results: Path) -> str:
    """Return the Markdown table of a folder of published results.

    Raises
    ------
    ValueError
        If the results lack a trial that the table shows.
    """
    tables = {file: read_rows(results / f"{file}.csv") for file in dict.fromkeys(file for file, *_ in SHOWN)}
    known = {
        (file, phantom, dose): cells
        for file, table in tables.items()
        for phantom, dose, cells in compared_with_peers(table)
    }
    lacking = [
        f"{phantom} at dose {dose}" for file, phantom, dose in SHOWN if (file, phantom, dose) not in known
    ]
    if lacking:
        raise ValueError(
            f"{results} holds no row of bayes and of a peer for {', '.join(lacking)}; publish them"
        )
    notes = [LEGEND, *(peers_not_run(table) for table in tables.values())]
    rows = [known[shown] for shown in SHOWN]
    return f"{markdown_table(HEADINGS, rows)}\n\n{' '.join(note for note in notes if note)}"


def write_readme(check: bool = False, readme: Path = README, results: Path = RESULTS) -> bool:
    """Write the table into the README.

    Parameters
    ----------
    check : bool
        Write nothing.
    readme, results : Path
        The file, and the folder of published results.

    Returns
    -------
    bool
        Whether the README has, or had, another table.

    Raises
    ------
    ValueError
        If the README lacks the two marks.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{readme.name} must hold the marks {BEGIN} and {END}; put them where the table goes"
        )
    renewed = f"{before}{begin}\n\n{readme_table(results)}\n\n{end}{after}"
    if not check:
        write_text(readme, renewed)
    return renewed != text

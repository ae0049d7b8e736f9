"""Results that are kept in the repository, and the README's table that is made of them.

``python -m benchmarks publish DIR FILE.csv`` keeps the scores of a folder of results; ``python -m benchmarks readme``
writes the table between two marks of the README, and with ``--check`` says whether it would change.
"""

import json
from pathlib import Path

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.record import write_text
from benchmarks.reporting.compare import ROW, read
from benchmarks.reporting.ranking import NOTHING, plus_minus, rank_text, ranking

FILE = Path(__file__).parents[1] / "results" / "main.csv"
README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- made by `python -m benchmarks readme` -->", "<!-- end -->"
_KEPT = (*ROW, "role", "status", "message", "n_components", "converged", "phantom_digest", "code", "commit")
_SHOWN = ("spectral_angle", "abundance_rmse", "held_out_deviance", "phase_agreement", "coverage_90")


def publish(folder: Path, path: Path) -> None:
    """Keep the scores of a folder of results as a small CSV file whose first lines say how it was made.

    Raises
    ------
    ValueError
        If the folder holds no results.
    """
    records = read(folder)
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    scores = records[[*_KEPT, *METRICS]].sort_values(ROW)
    head = "".join(f"# {line}\n" for line in [*about["command"].splitlines(), about["machine"]])
    write_text(path, head + scores.to_csv(index=False, float_format="%.7g"))


def readme_table(path: Path) -> str:
    """Return the Markdown table of a published file: mean ranks, and scores at each dose.

    A score is the mean over phantoms of means over seeds.
    """
    records = read(path)
    ranks = ranking(records)
    doses = sorted(records["dose"].unique())
    heads = [f"{METRICS[name].heading}" for name in _SHOWN]
    lines = [
        f"| | mean rank | {' | '.join(heads)} |",
        f"|---|---|{'---|' * len(_SHOWN)}",
    ]
    bounds = sorted(records.loc[records["role"] == "bound", "method"].unique())
    for method in [*ranks.index, *bounds]:
        rows = records[records["method"] == method]
        role = rows["role"].iloc[0]
        name = {"method": f"`{method}`", "peer": f"{method} (peer)", "bound": f"*{method}*"}[role]
        rank = rank_text(ranks.loc[method]) if method in ranks.index else role
        cells = [" / ".join(_mean(rows[rows["dose"] == dose], metric) for dose in doses) for metric in _SHOWN]
        cells = [NOTHING if set(cell.split(" / ")) == {NOTHING} else cell for cell in cells]
        lines.append(f"| {name} | {rank} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write_readme(check: bool = False) -> bool:
    """Write the table into the README.

    Parameters
    ----------
    check : bool
        Write nothing.

    Returns
    -------
    bool
        Whether the README has, or had, another table.

    Raises
    ------
    ValueError
        If the README lacks the two marks.
    """
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{README.name} must hold the marks {BEGIN} and {END}; put them where the table goes"
        )
    renewed = f"{before}{begin}\n\n{readme_table(FILE)}\n\n{end}{after}"
    if not check:
        write_text(README, renewed)
    return renewed != text


def _mean(rows: pd.DataFrame, metric: str) -> str:
    if rows.empty or metric not in rows:
        return NOTHING
    return plus_minus(rows.groupby("phantom")[metric].mean().mean(), float("nan"))

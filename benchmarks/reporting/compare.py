"""Compare two sets of results: what changed by more than noise, on the same cells, paired by seed.

``python -m benchmarks compare BEFORE AFTER``
"""

from pathlib import Path

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.published import ROW, read_results
from benchmarks.reporting.paired import pairs
from benchmarks.standing import differing

NOISY = 1.1  # costs of one machine differ this much between runs


def compare(before: Path, after: Path) -> tuple[list[str], pd.DataFrame]:
    """Compare two folders of results.

    Parameters
    ----------
    before, after : Path
        Folders, or CSV files as they are published.

    Returns
    -------
    sentences : list of str
        What is only in one of them, what failed in one of them, and whether code and truth are the same.
    changes : DataFrame
        One row a method and metric: before, after, change with interval, trials, verdict.

    Raises
    ------
    ValueError
        If a folder holds no results, or they have no cell in common.
    """
    old, new = read_results(before), read_results(after)
    common = sorted(set(map(tuple, old[ROW].to_numpy())) & set(map(tuple, new[ROW].to_numpy())))
    if not common:
        raise ValueError(f"{before} and {after} have no cell in common; compare two runs of the same suite")
    rows = pd.MultiIndex.from_tuples(common, names=ROW)
    a, b = (half.set_index(ROW).loc[rows].reset_index() for half in (old, new))
    changes = [
        {
            "method": method,
            "metric": name,
            "before": a.loc[a["method"] == method, name].mean(),
            "after": b.loc[b["method"] == method, name].mean(),
            "change": found.text(),
            "kind": found.kind,
            "trials": found.n,
            "verdict": _verdict(name, found.verdict, found.value),
        }
        for method in dict.fromkeys(a["method"])
        for name in METRICS
        if name in a and name in b
        if (found := pairs(b[b["method"] == method], a[a["method"] == method], method, name))
    ]
    return _sentences(old, new, a, b), pd.DataFrame(changes)


def _verdict(metric: str, verdict: str, ratio: float) -> str:
    """Say "alike" of a cost that changed as machines do."""
    is_noise = METRICS[metric].is_cost and 1 / NOISY < ratio < NOISY
    return "alike" if is_noise else verdict


def _sentences(old: pd.DataFrame, new: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    sentences = [f"{len(a)} cells in both, {len(old) - len(a)} only before, {len(new) - len(b)} only after"]
    for what, column in (("code", "code"), ("truth", "phantom_digest")):
        differs = int((a[column].astype(str) != b[column].astype(str)).sum())
        sentences.append(f"{what}: the same" if not differs else f"{what}: another one in {differs} cells")
    found = differing(a, b)
    changed = list(found.index[found["off"] > 0])
    sentences.append(
        f"scores: other ones of {', '.join(changed)}" if changed else "scores: the same in every digit"
    )
    for before, after, word in ((a, b, "fail now"), (b, a, "failed before")):
        lost = after[(before["status"] == "ok") & (after["status"] != "ok")]
        sentences += [
            f"{len(rows)} cells of {method} {word}: {rows['message'].iloc[0]}"
            for method, rows in lost.groupby("method")
        ]
    return sentences

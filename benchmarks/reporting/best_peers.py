"""Compare `bayes` with the best peer, trial by trial: the peer with the smallest mean error, whichever that is."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.reporting.ranking import NOTHING, plus_minus

OURS = "bayes"
COMPARED = ("abundance_rmse", "spectral_angle")
PHANTOMS_IN_WORDS = {
    "nicr_film": "layered film",
    "overlapping_64": "overlapping lines, 64 x 64",
    "trace_64": "trace precipitates, 64 x 64",
    "trace_precipitates": "trace precipitates",
    "nicr_needle": "needle",
    "particles_espm": "particles",
}
HEADINGS = (
    "phantom",
    "counts per pixel",
    "map error of `bayes`",
    "of the best peer",
    "spectral angle of `bayes` (deg)",
    "of the best peer (deg)",
    "90 % intervals cover",
    "seeds: `bayes`, peers",
)
LEGEND = (
    "Map error: root mean square error of the abundances over their mean. Spectral angle: mean angle between a true "
    "and an estimated endmember. The best peer is chosen for each score. Intervals are those of `bayes`; peers have "
    "none. All numbers are means over seeds."
)


class Best(NamedTuple):
    """Name the peer with the smallest mean of a score, and over how many seeds that is."""

    name: str
    mean: float
    seeds: int


def compared_with_peers(records: pd.DataFrame) -> Iterator[tuple[str, float, list[str]]]:
    """Yield the phantom, the dose, and the cells of a row of `HEADINGS` for every trial that `bayes` and a peer have.

    Parameters
    ----------
    records : DataFrame
        Published rows.
    """
    for (phantom, dose), rows in records[records["status"] == "ok"].groupby(["phantom", "dose"], sort=True):
        ours, peers = rows[rows["method"] == OURS], rows[rows["role"] == "peer"]
        if ours.empty or peers.empty:
            continue
        best = {name: _best(peers, name) for name in COMPARED}
        pairs = [
            text
            for name in COMPARED
            for text in (_number(ours[name].mean()), f"{_number(best[name].mean)} ({best[name].name})")
        ]
        seeds = " and ".join(dict.fromkeys(str(best[name].seeds) for name in COMPARED))
        words = PHANTOMS_IN_WORDS.get(phantom, phantom)
        name = f"{words} (`{phantom}`)" if words != phantom else f"`{phantom}`"
        cover = f"{ours['coverage_90'].mean():.2f}"
        yield phantom, dose, [name, f"{dose:g}", *pairs, cover, f"{len(ours)}, {seeds}"]


def peers_not_run(records: pd.DataFrame) -> str:
    """Say which peers were run on other phantoms of the table but not on all; empty where none is missing."""
    known = records[records["role"] == "peer"].groupby("method")["phantom"].unique()
    lacking = {
        str(peer): missing
        for peer, phantoms in known.items()
        if (missing := [f"`{phantom}`" for phantom in sorted(set(records["phantom"]) - set(phantoms))])
    }
    said = "; ".join(f"{peer} on {' and '.join(missing)}" for peer, missing in lacking.items())
    return f"Not run: {said}." if said else ""


def _best(peers: pd.DataFrame, metric: str) -> Best:
    means = peers.groupby("method")[metric].mean().map(METRICS[metric].badness)
    name = str(means.idxmin())
    rows = peers[peers["method"] == name]
    return Best(name, rows[metric].mean(), len(rows))


def _number(mean: float) -> str:
    return plus_minus(mean, float("nan")) if pd.notna(mean) else NOTHING

"""Sum up how often intervals cover the truth, beside the target: a row a kind of trial, quantity and level.

The seed is the unit of replication, so a share has the interval of its mean over seeds (`scoring.over_seeds`). Where
the pixels of an image share one error (`scoring.shared_error`), the share of one image is near 0 or near 1, and seeds
scatter widely. Then the mean must be as near to the level as its interval says.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.scoring.over_seeds import over_seeds

# Sources, and the column of each that says how it was inferred.
MODELS = {
    "maps": "prior",
    "pipeline": "endmember_model",
    "weights": "endmember_model",
    "compositions": "factors",
    "main": "method",
    "peers": "method",
}
TARGETS = {
    ("abundances", 50): (0.45, 0.55),
    ("abundances", 90): (0.87, 0.93),
    ("abundances", 95): (0.92, 0.97),
    ("deviations from the mean", 90): (0.87, 0.93),
    ("line intensities", 90): (0.87, 0.93),
    ("endmembers", 90): (0.84, 0.95),
    ("endmember weights", 90): (0.84, 0.95),
    ("shares of all counts", 90): (0.86, 0.94),
    ("atomic per cent", 90): (0.86, 0.94),
    ("atomic per cent not identified", 90): (0.86, 1.0),
    ("one-sided limits", 95): (0.95, 1.0),
}
_QUANTITIES = {
    "coverage": "abundances",
    "deviations": "deviations from the mean",
    "line": "line intensities",
    "endmembers": "endmembers",
    "weights": "endmember weights",
    "fractions": "shares of all counts",
    "atomic": "atomic per cent",
    "ranges": "atomic per cent not identified",
}
# Seeds from which on a wide scatter says something, and half of the interval of a mean of widely scattered ones.
_FEWEST, _SCATTER = 5, 0.2
_LIMITS = ("one-sided limits", 95)
_SHARE = re.compile(rf"(?:(?P<of>{'|'.join(_QUANTITIES)})_(?P<level>\d+)|under_limit)")


class Coverage(NamedTuple):
    """Hold one row.

    The share has a 95 % interval, NaN for one seed; `pm` is half its length before it is cut at 0 and 1. The verdict
    is "met", "too few" or "too many", or "" where there is no target.
    """

    source: str
    phantom: str
    dose: float
    model: str
    quantity: str
    level: int
    seeds: int
    coverage: float
    pm: float
    low: float
    high: float
    target_low: float
    target_high: float
    verdict: str


def coverage_table(trials: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Sum up the seeds.

    Parameters
    ----------
    trials : dict of DataFrame
        Rows of each source (a key of `MODELS`): a row a trial, coverages in columns such as `line_90` and
        `under_limit`; other columns are left alone.

    Returns
    -------
    DataFrame
        The fields of `Coverage`.
    """
    rows = [row for source, some in trials.items() for row in _rows(source, some)]
    return pd.DataFrame(rows, columns=Coverage._fields)


def share_text(row: Any) -> str:
    """Write the share of a row with its interval: three decimals, or more where three would contradict the verdict."""
    target = (row.target_low, row.target_high)
    honest = (n for n in range(3, 9) if _verdict(round(row.coverage, n), *target) == row.verdict)
    spread = f" ± {row.pm:.3f}" if np.isfinite(row.pm) else ""
    return f"{row.coverage:.{next(honest, 9)}f}{spread}"


def is_coverage(column: str) -> bool:
    """Return True if a column of a calibration holds a coverage."""
    return _SHARE.fullmatch(column) is not None


def _rows(source: str, trials: pd.DataFrame) -> Iterator[Coverage]:
    keys = ["phantom", "dose", MODELS[source]]
    columns = [name for name in trials if is_coverage(name)]
    for cell in over_seeds(trials, keys, columns).to_dict("records"):
        phantom, dose, model = (cell[key] for key in keys)
        for name in columns:
            share, spread = cell[name], cell[f"{name}_pm"]
            if np.isnan(share):
                continue
            found = _SHARE.fullmatch(name)
            assert found is not None, "that is how the columns were chosen"
            quantity, level = (_QUANTITIES[found["of"]], int(found["level"])) if found["of"] else _LIMITS
            target = TARGETS.get((quantity, level), (np.nan, np.nan))
            if (
                quantity == "abundances"
                and cell["seeds"] >= _FEWEST
                and spread > _SCATTER * cell["seeds"] ** -0.5
            ):
                target = (level / 100 - spread, level / 100 + spread)
            yield Coverage(
                source,
                phantom,
                dose,
                model,
                quantity,
                level,
                cell["seeds"],
                share,
                spread,
                max(share - spread, 0.0),
                min(share + spread, 1.0),
                *target,
                _verdict(share, *target),
            )


def _verdict(share: float, target_low: float, target_high: float) -> str:
    if np.isnan(target_low):
        return ""
    return "too few" if share < target_low else "too many" if share > target_high else "met"

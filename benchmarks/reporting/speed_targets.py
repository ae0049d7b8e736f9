"""Set targets for seconds and memory on two cores, and say whether the published speeds meet them."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from benchmarks.reporting.findings import Finding


class SpeedTarget(NamedTuple):
    """Hold the most seconds without compiling, and the most memory; None where there is no target."""

    seconds: float | None = None
    mib: float | None = None


#: By case and method, as in `benchmarks.speed.Speed`.
SPEED_TARGETS = {
    ("one tilt", "bayes"): SpeedTarget(seconds=30),
    ("one tilt", "bayes_cavi"): SpeedTarget(seconds=5),
    ("73 tilts", "bayes"): SpeedTarget(seconds=450, mib=3380),
    ("73 tilts, a sweep of the maps", "multiscale"): SpeedTarget(seconds=0.4),
    ("73 tilts, a sweep of the maps", "gamma"): SpeedTarget(seconds=0.4),
    ("73 tilts, a sweep of the maps", "palette (tree)"): SpeedTarget(seconds=0.4),
    ("73 tilts, a sweep of the maps", "palette (field 9)"): SpeedTarget(seconds=0.4),
}


def speed_findings(rows: pd.DataFrame) -> Iterator[Finding]:
    """Say of each speed that has a target whether it is met.

    Parameters
    ----------
    rows : DataFrame
        Rows of `speed.csv`.
    """
    for row in rows.itertuples():
        target = SPEED_TARGETS.get((row.case, row.method), SpeedTarget())
        for value, most, unit in ((row.seconds, target.seconds, "s"), (row.peak_mib, target.mib, "MiB")):
            if most is not None:
                sentence = f"{row.case}, {row.method}: {value:g} {unit}; target at most {most:g} {unit}."
                yield Finding("speed", bool(value <= most), sentence)

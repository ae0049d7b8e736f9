"""Count how often `bayesunmix.rank` finds the number of materials of a phantom.

The criteria are recorded beside the recommendation, so that the table shows which of them sees what.
"""

import pandas as pd

import bayesunmix as bu
from benchmarks.calibration import CALIBRATIONS, Calibration
from simulations import PHANTOMS, acquire


def measure(phantom: str, dose: float, seed: int) -> dict[str, int | None]:
    """Rank one trial."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    found = bu.rank(trial.image, seed=seed)
    return {
        "truth": trial.truth.n_components,
        "recommended": found.n_components,
        "scree": found.scree.n_components,
        "held_out": found.held_out.n_components,
        "relevance": found.relevant,
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Count for each phantom and dose the trials in which the number was right, by criterion."""
    said = ("recommended", "scree", "held_out", "relevance")
    right = rows.assign(**{name: rows[name] == rows["truth"] for name in said})
    grouped = right.groupby(["phantom", "dose"], sort=False)
    return grouped.agg(
        truth=("truth", "first"), trials=("seed", "size"), **{name: (name, "sum") for name in said}
    ).reset_index()


CALIBRATIONS.register("rank")(
    Calibration(
        {
            "phantom": ("nicr_film", "nicr_mixed", "trace_precipitates", "grains", "null"),
            "dose": (5.0, 10.0, 50.0),
        },
        measure,
        summarise,
    )
)

"""Measure the error that all pixels of one material share, and what is left of each pixel's own.

Where a specimen is even, the errors of its pixels are nearly one and the same: the share of pixels that intervals cover
in one image is near 0 or near 1, however right the intervals are. Three numbers say what that share cannot:

1. z, the error of the mean over all pure pixels of the commonest material, in posterior standard deviations. Over N
   images it has mean 0 and root mean square 1, within `limits` (95 %).
2. Coverage of the deviations from that mean, which is meaningful in every image where the truth has deviations. Where
   it is even, a posterior that knows so has none either, and any share is right: which of two numbers near 0 is the
   larger says nothing. Even is a truth that deviates by less than the counting error of the mean of the region.
3. The mean coverage over images, with an interval that counts images and not pixels (`over_seeds`).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from bayesunmix.data.result import Unmixing
from benchmarks.scoring.over_seeds import over_seeds
from simulations.trial import Trial

PURE = 0.98  # of a pixel
FEWEST_PIXELS = 50


class SharedError(NamedTuple):
    """Hold both numbers of one image; NaN where no material has enough pure pixels, or deviations."""

    z: float
    deviations_90: float


def shared_error(trial: Trial, unmixing: Unmixing) -> SharedError:
    """Compare the abundances of the commonest material in its pure pixels with the truth.

    Raises
    ------
    ValueError
        If the result has no posterior draws.
    """
    if unmixing.posterior is None:
        raise ValueError(
            "the shared error needs posterior draws, got a result without; use a Bayesian method"
        )
    truth = trial.truth
    commonest = int(truth.abundances.sum(axis=0).argmax())
    pure = trial.phantom.specimen & (truth.fractions[:, commonest] > PURE)
    if np.count_nonzero(pure) < FEWEST_PIXELS:
        return SharedError(np.nan, np.nan)
    draws = unmixing.posterior.abundances[..., pure, commonest]
    draws = draws.reshape(-1, draws.shape[-1]).astype(np.float64)
    true = truth.abundances[pure, commonest]
    means = draws.mean(axis=1)
    z = (means.mean() - true.mean()) / means.std()
    own = true - true.mean()
    if own.std() < np.sqrt(true.mean() / true.size):
        return SharedError(float(z), np.nan)
    lower, upper = np.quantile(draws - means[:, None], [0.05, 0.95], axis=0)
    return SharedError(float(z), float(((lower <= own) & (own <= upper)).mean()))


def limits(n: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the limits of the mean of z, and of its root mean square, in which 95 % of n images lie.

    Examples
    --------
    >>> [tuple(round(float(end), 2) for end in ends) for ends in limits(20)]
    [(-0.44, 0.44), (0.69, 1.31)]
    """
    reach = float(stats.norm.ppf(0.975)) / n**0.5
    low, high = (stats.chi2.ppf([0.025, 0.975], n) / n) ** 0.5
    return (-reach, reach), (float(low), float(high))


def shared_over_seeds(rows: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Average columns and both numbers over seeds, with the root mean square of z.

    Rows of earlier versions have no such numbers.
    """
    measured = [name for name in ("shared_z", "deviations_90") if name in rows]
    table = over_seeds(rows, by, [*columns, *measured])
    if "shared_z" in rows:
        square = rows.assign(square=rows["shared_z"] ** 2).groupby(by, sort=False)["square"].mean()
        table["shared_z_rms"] = np.sqrt(square.to_numpy())
    return table

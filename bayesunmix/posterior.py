"""Draws from a posterior, and what is read off them.

Draws have the axes (chain, draw, ...), as ArviZ expects. Endmembers keep every draw. Abundances keep as many
evenly spaced draws as fit a memory budget, because draws x pixels x components grows without bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray


class Bound(NamedTuple):
    """One end of an interval: (K, C) endmembers and (P, K) abundances."""

    endmembers: np.ndarray
    abundances: np.ndarray


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of a factorisation in canonical scale.

    Parameters
    ----------
    endmembers : (chain, draw, K, C) array
    abundances : (chain, kept draw, P, K) array
        Expected counts; kept draws are evenly spaced among all draws.
    statistics : dict of (chain, draw) arrays
        Quantities that do not depend on how components are numbered (the log-likelihood, for one): R-hat and
        the effective sample size are computed on these.
    calibrated : bool
        Whether the method's intervals pass its calibration tests; false for approximations known to be narrow.
    """

    endmembers: np.ndarray
    abundances: np.ndarray
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    calibrated: bool = True

    def __post_init__(self) -> None:
        e, a = self.endmembers, self.abundances
        if e.ndim != 4 or a.ndim != 4 or e.shape[0] != a.shape[0] or e.shape[2] != a.shape[3]:
            raise ValueError(
                "draws must be (chain, draw, K, C) endmembers and (chain, draw, P, K) abundances with the same "
                f"chains and K, got {e.shape} and {a.shape}"
            )

    def mean(self) -> Bound:
        """Posterior mean."""
        return Bound(
            self.endmembers.mean((0, 1), dtype=np.float64), self.abundances.mean((0, 1), dtype=np.float64)
        )

    def interval(self, level: float = 0.9) -> tuple[Bound, Bound]:
        """Equal-tailed interval that holds a share `level` of the draws, entry by entry.

        Returns
        -------
        lower, upper : Bound
            Each with `.endmembers` (K, C) and `.abundances` (P, K).

        Notes
        -----
        The interval of a positive quantity can never contain 0; for one that may be zero, see `upper_limit`.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}; 0.9 is a 90 % interval")
        tail = (1 - level) / 2
        lower, upper = (self._quantile(q) for q in (tail, 1 - tail))
        return lower, upper

    def upper_limit(self, level: float = 0.95) -> Bound:
        """One-sided upper limit: below it lies a share `level` of the draws."""
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}; 0.95 is a 95 % limit")
        return self._quantile(level)

    def _quantile(self, q: float) -> Bound:
        return Bound(*(np.quantile(draws, q, axis=(0, 1)) for draws in (self.endmembers, self.abundances)))

    def reorder(self, order: np.ndarray) -> "Posterior":
        """Return the draws with components in the given order."""
        return replace(self, endmembers=self.endmembers[:, :, order], abundances=self.abundances[..., order])

    def diagnostics(self) -> dict[str, float]:
        """Largest R-hat and smallest bulk effective sample size over `statistics`; empty without statistics.

        A statistic that cannot be judged (fewer than 4 draws, or all equal) makes the result NaN, not good.
        """
        if not self.statistics:
            return {}
        import arviz_stats

        values = [np.asarray(v) for v in self.statistics.values()]
        # NumPy's max and min keep a NaN (draws too few, or all equal); Python's may lose it.
        return {
            "r_hat": float(np.max([arviz_stats.rhat(v, chain_axis=0, draw_axis=1) for v in values])),
            "ess": float(np.min([arviz_stats.ess(v, chain_axis=0, draw_axis=1) for v in values])),
        }

    def to_arviz(self) -> "xarray.DataTree":
        """Hand the draws to ArviZ as groups `posterior` and `sample_stats`.

        Abundances are handed over where every draw was kept, since ArviZ wants one number of draws.
        """
        import arviz_base

        groups = {"posterior": {"endmembers": self.endmembers}, "sample_stats": dict(self.statistics)}
        dims = {"endmembers": ["component", "channel"], "abundances": ["pixel", "component"]}
        if self.abundances.shape[1] == self.endmembers.shape[1]:
            groups["posterior"]["abundances"] = self.abundances
        return arviz_base.from_dict({k: v for k, v in groups.items() if v}, dims=dims)


def affordable_draws(n_draws: int, map_size: int, most_mib: float) -> int:
    """How many of `n_draws` float32 draws of `map_size` values fit `most_mib`: at least 20, for a 90 % interval."""
    fitting = int(most_mib * 2**20 / (4 * map_size))
    return min(n_draws, max(fitting, 20))

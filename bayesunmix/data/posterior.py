"""Draws from a posterior, and what is read off them.

Draws have the axes (chain, draw, ...), as ArviZ expects. Endmembers keep every draw. Abundances keep as many
evenly spaced draws as fit a memory budget, because draws x pixels x components grows without bound.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from bayesunmix.data.display.text import brief
from bayesunmix.data.draws import blocks, equal_tailed, quantile, require_probability

if TYPE_CHECKING:
    import xarray


class Diagnostics(TypedDict, total=False):
    """Agreement of the chains: the largest R-hat, and the smallest bulk effective sample size."""

    r_hat: float
    ess: float


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
    abundance_mean, abundance_sd : (P, K) array or None
        From samplers that see more draws than they keep, over all of them.
    partners : (kept draw,) int array or None
        Number of the endmember draw that each kept abundance draw was made with; evenly spaced from the first on where
        not given.
    """

    endmembers: np.ndarray
    abundances: np.ndarray
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    calibrated: bool = True
    abundance_mean: np.ndarray | None = None
    abundance_sd: np.ndarray | None = None
    partners: np.ndarray | None = None

    def __post_init__(self) -> None:
        e, a = self.endmembers, self.abundances
        if e.ndim != 4 or a.ndim != 4 or e.shape[0] != a.shape[0] or e.shape[2] != a.shape[3]:
            raise ValueError(
                "draws must be (chain, draw, K, C) endmembers and (chain, draw, P, K) abundances with the same "
                f"chains and K, got {e.shape} and {a.shape}"
            )
        p = self.partners
        if p is not None and (
            p.shape != a.shape[1:2] or p.dtype.kind not in "iu" or not (p < e.shape[1]).all()
        ):
            raise ValueError(
                f"partners must number one of {e.shape[1]} endmember draws for each of {a.shape[1]} kept draws, got {p}"
            )
        for name in ("abundance_mean", "abundance_sd"):
            moment = getattr(self, name)
            if moment is not None and moment.shape != a.shape[2:]:
                raise ValueError(
                    f"{name} must be (P, K) = {a.shape[2:]} as the draws are, got {moment.shape}"
                )

    def __repr__(self) -> str:
        n_components, n_channels = self.endmembers.shape[2:]
        held = ", ".join(self.statistics) or "none"
        return brief(
            [
                f"<Posterior: {n_components} components, {self.abundances.shape[2]} pixels, {n_channels} channels>",
                self.say_draws(),
                f"statistics of each draw: {held}",
                "read off it: .mean(), .sd(), .interval(0.9), .upper_limit(0.95), .diagnostics(), .to_arviz()",
            ]
        )

    def _repr_html_(self) -> str:
        from bayesunmix.data.display.components import Drawn, bounds, component_rows
        from bayesunmix.data.display.html import frame, paragraph

        mean = self.mean()
        n_components = len(mean.endmembers)
        names = [f"component {k}" for k in range(n_components)]
        drawn = Drawn(names, [""] * n_components, *mean, bounds(self.endmembers))
        no_maps = paragraph("Maps are shown by the result, which knows the image.", soft=True)
        facts = [f"{n_components} components", f"{len(mean.abundances)} pixels", self.say_draws()]
        return frame(type(self).__name__, facts, [no_maps, *component_rows(drawn, None)])

    def say_draws(self) -> str:
        """Say how many draws there are, and whether intervals made of them can be believed."""
        (chains, draws), kept = self.endmembers.shape[:2], self.abundances.shape[1]
        doubt = "" if self.calibrated else "; their intervals are known to be too narrow"
        return f"{chains} chains of {draws} draws of spectra and {kept} of maps{doubt}"

    def mean(self) -> Bound:
        """Posterior mean."""
        streamed = self.abundance_mean
        abundances = self.abundances.mean((0, 1), dtype=np.float64) if streamed is None else streamed
        return Bound(self.endmembers.mean((0, 1), dtype=np.float64), abundances)

    def sd(self) -> Bound:
        """Posterior standard deviation; 0 from a single draw."""
        streamed = self.abundance_sd
        abundances = _reduce(self.abundances, _sd)[0] if streamed is None else streamed
        return Bound(_reduce(self.endmembers, _sd)[0], abundances)

    def interval(self, probability: float = 0.9) -> tuple[Bound, Bound]:
        """Equal-tailed interval, entry by entry: it holds a further draw with this probability.

        The quantiles are those of `bayesunmix.data.draws`, so that few draws do not make it narrow.

        Returns
        -------
        lower, upper : Bound
            Each with `.endmembers` (K, C) and `.abundances` (P, K).

        Notes
        -----
        The interval of a positive quantity can never contain 0; for one that may be zero, see `upper_limit`.
        """
        require_probability(probability)
        ends = [
            _reduce(draws, partial(equal_tailed, probability=probability))
            for draws in (self.endmembers, self.abundances)
        ]
        lower, upper = (Bound(*pair) for pair in zip(*ends, strict=True))
        return lower, upper

    def upper_limit(self, probability: float = 0.95) -> Bound:
        """One-sided upper limit: a further draw lies below it with this probability."""
        require_probability(probability)
        both = (self.endmembers, self.abundances)
        return Bound(*(_reduce(draws, lambda some: [quantile(some, probability)])[0] for draws in both))

    def paired_endmembers(self) -> np.ndarray:
        """Endmembers of the kept abundance draws, (chain, kept draw, K, C): both are of one joint draw."""
        n_draws, n_kept = self.endmembers.shape[1], self.abundances.shape[1]
        even = np.arange(n_kept) * n_draws // n_kept
        return self.endmembers[:, even if self.partners is None else self.partners]

    def reorder(self, order: np.ndarray) -> "Posterior":
        """Return the draws with components in the given order."""
        mean, sd = (m if m is None else m[:, order] for m in (self.abundance_mean, self.abundance_sd))
        return replace(
            self,
            endmembers=self.endmembers[:, :, order],
            abundances=self.abundances[..., order],
            abundance_mean=mean,
            abundance_sd=sd,
        )

    def diagnostics(self) -> "Diagnostics":
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

        ArviZ wants one number of draws in a group: abundances of which fewer draws were kept come in a group of their
        own, `posterior_abundances`.
        """
        import arviz_base

        groups: dict[str, dict] = {"posterior": {"endmembers": self.endmembers}}
        as_many = self.abundances.shape[1] == self.endmembers.shape[1]
        groups.setdefault("posterior" if as_many else "posterior_abundances", {})["abundances"] = (
            self.abundances
        )
        if self.statistics:
            groups["sample_stats"] = dict(self.statistics)
        dims = {"endmembers": ["component", "channel"], "abundances": ["pixel", "component"]}
        return arviz_base.from_dict(groups, dims=dims)


def affordable_draws(n_draws: int, map_size: int, most_mib: float) -> int:
    """How many of `n_draws` float32 draws of `map_size` values fit `most_mib`: at least 20, for a 90 % interval."""
    fitting = int(most_mib * 2**20 / (4 * map_size))
    return min(n_draws, max(fitting, 20))


def _reduce(draws: np.ndarray, reduction: Callable[[np.ndarray], Iterable[np.ndarray]]) -> list[np.ndarray]:
    """Apply a reduction of (n, ...) draws to (chain, draw, ...) ones block by block, and join its results."""
    parts = [reduction(some) for _, some in blocks(draws)]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def _sd(some: np.ndarray) -> list[np.ndarray]:
    return [some.std(axis=0, ddof=min(1, len(some) - 1))]

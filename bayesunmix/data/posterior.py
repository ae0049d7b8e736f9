"""Keep draws from a posterior, and summarise them: mean, standard deviation, intervals, R-hat.

Draws have the axes (chain, draw, ...), as ArviZ expects. Every draw of the endmembers is kept. Of the abundances, as
many evenly spaced draws are kept as fit a memory budget, because draws x pixels x components may be very large.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from bayesunmix.data.display.text import brief, wrapped
from bayesunmix.data.draws import equal_tailed, quantile, reduced, require_probability, scatter
from bayesunmix.data.rotations import (
    Include,
    abundance_range,
    endmember_range,
    require_include,
    require_rotations,
    widened,
)

if TYPE_CHECKING:
    import xarray


class Diagnostics(TypedDict, total=False):
    """Agreement of the chains: the largest R-hat, and the smallest bulk effective sample size."""

    r_hat: float
    ess: float


class Bound(NamedTuple):
    """Hold a summary of the draws, or one end of an interval: (K, C) endmembers and (P, K) abundances."""

    endmembers: np.ndarray
    abundances: np.ndarray


@dataclass(frozen=True, eq=False)
class Posterior:
    """Hold draws of a factorisation whose endmembers sum to one.

    Parameters
    ----------
    endmembers : (chain, draw, K, C) array
        Spectra; the channels of each sum to one.
    abundances : (chain, kept draw, P, K) array
        Expected counts. Kept draws are evenly spaced among all draws.
    statistics : dict of (chain, draw) arrays
        Quantities that do not depend on how components are numbered, such as the log-likelihood. R-hat and the
        effective sample size are computed on these.
    calibrated : bool
        False where intervals are too narrow: in approximations that are known for it, and where `unmix` found that the
        fit did not converge or the counts contradict the model (`bayesunmix.checks.severity`).
    abundance_mean, abundance_sd : (P, K) array or None
        Mean and standard deviation over all draws, where the sampler makes more draws than it keeps.
    partners : (kept draw,) int array or None
        For each kept draw of the abundances, the number of the endmember draw that belongs to it. Where not given,
        these are evenly spaced from the first on.
    rotations : (n, K, K) array or None
        Solutions that fit as well: T E and A T^-1 for each T. `unmix` adds them (see `bayesunmix.identify`). None where
        nobody has looked.
    why_not_calibrated : str
        What `unmix` found; "" where it found nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> posterior = result.posterior
    >>> lower, upper = posterior.interval(0.9)
    >>> lower.abundances.shape, lower.endmembers.shape
    ((64, 2), (2, 4))
    >>> bool((lower.abundances <= upper.abundances).all())
    True
    >>> posterior.mean().abundances.shape
    (64, 2)
    """

    endmembers: np.ndarray
    abundances: np.ndarray
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    calibrated: bool = True
    abundance_mean: np.ndarray | None = None
    abundance_sd: np.ndarray | None = None
    partners: np.ndarray | None = None
    rotations: np.ndarray | None = None
    why_not_calibrated: str = ""

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
        if self.rotations is not None:
            require_rotations(self.rotations, e.shape[2])
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
                *wrapped(self.say_draws(), 3),
                f"statistics of each draw: {held}",
                "read off it: .mean(), .sd(), .interval(0.9), .upper_limit(0.95), .diagnostics(), .to_arviz()",
            ]
        )

    def _repr_html_(self) -> str:
        from bayesunmix.data.display.components import INTERVAL, Drawn, component_rows
        from bayesunmix.data.display.html import frame, paragraph

        mean = self.mean()
        n_components = len(mean.endmembers)
        names = [f"component {k}" for k in range(n_components)]
        drawn = Drawn(names, [""] * n_components, *mean, self.endmember_interval(INTERVAL))
        no_maps = paragraph("Maps are shown by the result, which knows the image.", soft=True)
        facts = [f"{n_components} components", f"{len(mean.abundances)} pixels", self.say_draws()]
        return frame(type(self).__name__, facts, [no_maps, *component_rows(drawn, None)])

    def say_draws(self, diagnosed: Sequence[str] = ()) -> str:
        """Say how many draws there are, what was diagnosed, and whether intervals made of them can be believed."""
        (chains, draws), kept = self.endmembers.shape[:2], self.abundances.shape[1]
        said = f"{chains} chains of {draws} draws of spectra and {kept} of maps"
        return "; ".join(filter(None, [said, *diagnosed, self.say_not_calibrated()]))

    def say_not_calibrated(self) -> str:
        """Say why intervals are not calibrated; "" where they are."""
        if self.calibrated:
            return ""
        if self.why_not_calibrated:
            return f"their intervals are not calibrated: {self.why_not_calibrated}"
        return "their intervals are known to be too narrow"

    def mean(self) -> Bound:
        """Return the posterior mean."""
        streamed = self.abundance_mean
        abundances = self.abundances.mean((0, 1), dtype=np.float64) if streamed is None else streamed
        return Bound(self.endmembers.mean((0, 1), dtype=np.float64), abundances)

    def sd(self) -> Bound:
        """Return the posterior standard deviation; 0 from a single draw."""
        streamed = self.abundance_sd
        abundances = reduced(self.abundances, scatter)[0] if streamed is None else streamed
        return Bound(reduced(self.endmembers, scatter)[0], abundances)

    def interval(self, probability: float = 0.9, include: Include = "total") -> tuple[Bound, Bound]:
        """Return the interval of every entry.

        Parameters
        ----------
        probability : float
        include : {"total", "counting"}
            "counting" is the equal-tailed interval of the draws: a further draw would lie inside with this probability.
            It takes the split into components for certain. "total" goes on to the ends of the feasible range, with the
            arms of the other interval beyond them (see `bayesunmix.identify`).

        Returns
        -------
        lower, upper : Bound
            Each with `.endmembers` (K, C) and `.abundances` (P, K).

        Notes
        -----
        The interval of draws of a positive quantity never contains 0. For a quantity that may be zero, use
        `upper_limit`. The quantiles are those of `bayesunmix.data.draws`, so that few draws do not make the interval
        too narrow.
        """
        spectra, maps = (
            self.endmember_interval(probability, include),
            self.abundance_interval(probability, include),
        )
        return Bound(spectra[0], maps[0]), Bound(spectra[1], maps[1])

    def endmember_interval(
        self, probability: float = 0.9, include: Include = "total"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of the endmembers only, two (K, C) arrays; see `interval`."""
        return self._interval(self.endmembers, 0, probability, include)

    def abundance_interval(
        self, probability: float = 0.9, include: Include = "total"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of the abundances only, two (P, K) arrays; see `interval`."""
        return self._interval(self.abundances, 1, probability, include)

    def _interval(
        self, draws: np.ndarray, part: int, probability: float, include: Include
    ) -> tuple[np.ndarray, np.ndarray]:
        require_probability(probability)
        require_include(include)
        lower, upper = reduced(draws, partial(equal_tailed, probability=probability))
        if include == "counting" or self.rotations is None:
            return lower, upper
        mean = self.mean()
        lowest, highest = (endmember_range, abundance_range)[part](self.rotations, mean[part])
        return widened(lower, upper, mean[part], lowest, highest, (1.0, np.inf)[part])

    def feasible_range(self) -> tuple[Bound, Bound]:
        """Return the range of the posterior mean over `rotations`; where there are none, the mean twice.

        Returns
        -------
        lower, upper : Bound
        """
        mean = self.mean()
        if self.rotations is None:
            return mean, mean
        spectra = endmember_range(self.rotations, mean.endmembers)
        maps = abundance_range(self.rotations, mean.abundances)
        return Bound(spectra[0], maps[0]), Bound(spectra[1], maps[1])

    def upper_limit(self, probability: float = 0.95, include: Include = "total") -> Bound:
        """Return the one-sided upper limit of every entry: with "total" for every solution that fits as well.

        By the draws alone ("counting"), a further draw would lie below it with this probability (see `interval`).
        """
        require_probability(probability)
        require_include(include)
        both = (self.endmembers, self.abundances)
        limit = Bound(*(reduced(draws, lambda some: [quantile(some, probability)])[0] for draws in both))
        if include == "counting" or self.rotations is None:
            return limit
        mean, (lowest, highest) = self.mean(), self.feasible_range()
        ends = zip(limit, mean, lowest, highest, (1.0, np.inf), strict=True)
        return Bound(*(widened(end, end, own, low, high, most)[1] for end, own, low, high, most in ends))

    def paired_endmembers(self) -> np.ndarray:
        """Return the endmembers that belong to the kept draws of the abundances, (chain, kept draw, K, C)."""
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
            rotations=None if self.rotations is None else self.rotations[:, order][:, :, order],
        )

    def diagnostics(self) -> "Diagnostics":
        """Return the largest R-hat and the smallest bulk effective sample size over `statistics`.

        Empty without statistics; NaN if one of them cannot be judged: fewer than 4 draws, or all draws equal.
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
        """Convert the draws to an xarray DataTree for ArviZ, with the groups `posterior` and `sample_stats`.

        All draws of a group have one length in ArviZ. Where fewer draws of the abundances were kept, they are in a
        group of their own, `posterior_abundances`.
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
    """Return how many of `n_draws` float32 draws of `map_size` values fit into `most_mib` MiB, at least 20."""
    fitting = int(most_mib * 2**20 / (4 * map_size))
    return min(n_draws, max(fitting, 20))

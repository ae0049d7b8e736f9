"""The recommended pipeline: endmembers from pooled counts, then maps at full resolution, with tested intervals.

1. The number of components is checked (`bayesunmix.rank`), or found.
2. Endmembers are drawn from the posterior given superpixels: three unknown abundances for every handful of photons
   bias them, sums of a few pixels do not.
3. Abundances of every pixel are drawn given draws of the endmembers, under a prior of the whole map. The full
   resolution does not talk back to the endmembers: a *cut* posterior [1]_.
4. An image simulated from the fit is unmixed in the same way, which says how wide intervals must be
   (`bayesunmix.engine.widths`).

Sums over regions are never sums of pixels' draws: use `bayesunmix.region`. With blind endmembers other solutions may
fit as well, which no error bar of counting noise shows: see `bayesunmix.identify`.

References
----------
.. [1] M. Plummer, "Cuts in Bayesian graphical models", Stat. Comput. 25, 37 (2015).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.abundance_prior import ABUNDANCE_PRIORS, AbundancePrior
from bayesunmix.alignment import relabel_chains
from bayesunmix.dimension.rank import rank
from bayesunmix.endmember_model import ENDMEMBER_MODELS, EndmemberModel, Prepared
from bayesunmix.engine.events import occupied
from bayesunmix.engine.gamma_poisson import log_volume
from bayesunmix.engine.gibbs import Chain, Sums, advance, advance_maps, lay_out
from bayesunmix.engine.starts import best_start
from bayesunmix.engine.widths import rescale, simulate, width_factors
from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.method import METHODS, Unmixing, finds_n_components
from bayesunmix.posterior import Posterior, affordable_draws
from bayesunmix.progress import track
from bayesunmix.settings import require_positive

MOST_R_HAT = 1.05
ENOUGH_COUNTS = 60  # in a superpixel
BLOCK = 10  # sweeps between two looks at the keyboard
FLOOR = 1e-3  # counts: no component starts from nothing


@METHODS.register("bayes")
@dataclass(frozen=True)
class Bayes:
    """Bayesian Poisson NMF in stages, with calibrated intervals.

    Parameters
    ----------
    endmember_model : str
        Of `bayesunmix.endmember_model.ENDMEMBER_MODELS`: "smooth" or "blind", or what knows lines: "phases" or
        "elements", which need no number of components.
    abundance_prior : str
        Of `bayesunmix.abundance_prior.ABUNDANCE_PRIORS`: "multiscale", "gamma" or "jeffreys".
    n_chains, n_warmup, n_draws : int
        Chains, discarded sweeps a chain, and draws of the endmembers a chain.
    n_maps : int
        Draws of the endmembers that get maps, a chain, evenly spaced.
    sweeps_per_map : int
        Sweeps over the maps for each of them.
    n_starts : int
        Random starts of the binned fit that each chain begins from.
    most_draws_mib : float
        Memory for draws of the maps; beyond it evenly spaced ones are kept, at least 20 a chain.
    phases : tuple of tuples of str, optional
        Of "phases": the elements of each phase.
    elements : tuple of str, optional
        Of "elements": which there are.
    """

    finds_n_components: ClassVar[bool] = True
    endmember_model: str = "smooth"
    abundance_prior: str = "multiscale"
    n_chains: int = 2
    n_warmup: int = 150
    n_draws: int = 200
    n_maps: int = 100
    sweeps_per_map: int = 2
    n_starts: int = 4
    most_draws_mib: float = 1024
    phases: tuple[tuple[str, ...], ...] | None = None
    elements: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        require_positive(self)
        _ = ABUNDANCE_PRIORS[self.abundance_prior], self._model()

    def _model(self) -> EndmemberModel:
        given = {name: value for name in ("phases", "elements") if (value := getattr(self, name)) is not None}
        if set(given) - {self.endmember_model}:
            raise ValueError(
                f"setting {' and '.join(given)} of Bayes must go with endmember_model of that name, got "
                f"{self.endmember_model!r}"
            )
        return ENDMEMBER_MODELS[self.endmember_model](**given)

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Draw endmembers, then maps."""
        spectrum_key, map_key, width_key, count_key = jax.random.split(key, 4)
        found, named = rank(image).n_components, finds_n_components(self._model())
        prior = ABUNDANCE_PRIORS[self.abundance_prior]()
        asked = n_components if named else n_components or found
        spectra = self._draw_endmembers(image, asked, spectrum_key)
        warnings = _about_rank(found, spectra.prepared.n_components, named)
        maps = self._draw_maps(
            image, spectra.posterior.endmembers, spectra.starts, prior, map_key, self.n_maps
        )
        factors = self._measure_widths(image, spectra, maps, prior, width_key, count_key)
        rescale(maps.draws, maps.mean, factors)
        posterior = Posterior(spectra.posterior.endmembers, maps.draws, spectra.posterior.statistics)
        endmembers = posterior.endmembers.mean((0, 1), dtype=np.float64)
        diagnostics = posterior.diagnostics()
        converged = bool(diagnostics["r_hat"] < MOST_R_HAT)
        if not converged:
            warnings.append(
                f"chains disagree on the endmembers: R-hat {diagnostics['r_hat']:.3f} is not under {MOST_R_HAT}; raise "
                "n_warmup and n_draws, and if it stays, the image may allow several solutions: see bayesunmix.identify"
            )
        return Unmixing(
            Factorization(endmembers, maps.mean),
            posterior,
            {
                "converged": converged,
                "iterations": self.n_warmup + self.n_draws,
                "objective": posterior.statistics["log_likelihood"].mean(axis=0).tolist(),
                "objective_name": "log-likelihood of superpixels, mean over chains",
                "warnings": warnings + spectra.warnings,
                "superpixel": list(spectra.block),
                "chains_relabelled": spectra.n_relabelled,
                "width_factors": factors.tolist(),
                **({"components": spectra.prepared.names} if named else {}),
                "unique_components": list(spectra.prepared.unique),
                **diagnostics,
            },
        )

    def _draw_endmembers(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> "_Spectra":
        """Draw endmembers given superpixels, and spread the abundances of the last draw over their pixels."""
        block = _superpixel(image)
        pooled = image.rebin(block)
        model = self._model()
        prepared = model.prepare(pooled, n_components)
        n_components = prepared.n_components
        prior = ABUNDANCE_PRIORS["gamma"]()
        events, pixels = lay_out(pooled), occupied(pooled)
        start_keys, chain_keys = (jax.random.split(k, self.n_chains) for k in jax.random.split(key))
        starts = [
            best_start(pooled, pixels, n_components, k, self.n_starts, prepared.spectra) for k in start_keys
        ]
        chains = []
        for start in starts:
            maps = pixels.restore(start.abundances, pooled.n_pixels).T + FLOOR
            endmembers, learned = model.start(prepared.given, start.endmembers)
            begin = prior.start(events.exposure, n_components)
            chains.append(Chain(jnp.asarray(maps, jnp.float32), endmembers, begin, learned))

        def run(chain: Chain, chain_key: jax.Array) -> tuple[Chain, np.ndarray, np.ndarray]:
            found = []
            n_blocks = -(-(self.n_warmup + self.n_draws) // BLOCK)
            for block_key in track(jax.random.split(chain_key, n_blocks), "endmembers", n_blocks):
                chain, drawn = advance(events, prepared.given, chain, block_key, prior, model, BLOCK)
                found.append([np.asarray(part) for part in drawn])
            spectra, log_likelihood = (
                np.concatenate(parts)[-self.n_draws :] for parts in zip(*found, strict=True)
            )
            return chain, spectra, log_likelihood

        advance(events, prepared.given, chains[0], key, prior, model, BLOCK)  # compiles, once for all threads
        with ThreadPoolExecutor(self.n_chains) as pool:
            ended, drawn, log_likelihood = zip(*pool.map(run, chains, chain_keys), strict=True)
        spectra = np.stack(drawn)
        # The pooled maps ride along as one draw, so that chains are numbered alike, spectra and maps.
        pooled_maps = np.stack([np.asarray(chain.abundances).T[None] for chain in ended])
        statistics = {"log_likelihood": np.stack(log_likelihood)}
        if np.ptp(overlap := log_volume(spectra)) > 0:  # known spectra stay as they are
            statistics["endmember_overlap"] = overlap
        posterior, n_relabelled = relabel_chains(Posterior(spectra, pooled_maps, statistics))
        of_block = image.blocks(block)
        size = np.bincount(of_block)[:, None]
        spread = [(maps[0] / size)[of_block] + FLOOR for maps in posterior.abundances]
        warnings = [sentence for start in starts[:1] for sentence in start.warnings] + prepared.warnings
        return _Spectra(posterior, spread, block, n_relabelled, warnings, prepared)

    def _draw_maps(
        self,
        image: SpectrumImage,
        endmembers: np.ndarray,
        starts: list[np.ndarray],
        prior: AbundancePrior,
        key: jax.Array,
        n_maps: int,
    ) -> "_Maps":
        """Draw maps given evenly spaced draws of the endmembers (chain, draw, K, C), chains side by side."""
        events = lay_out(image)
        n_chains, n_draws, n_components, _ = endmembers.shape
        chosen = np.linspace(0, n_draws - 1, n_maps).round().astype(int)
        kept = affordable_draws(n_maps, n_chains * image.n_pixels * n_components, self.most_draws_mib)
        keep = set(np.linspace(0, n_maps - 1, kept).round().astype(int).tolist())
        n_warmup = max(n_maps // 4, 10)

        def begin(number: int) -> tuple[Chain, Sums]:
            maps = jnp.asarray(starts[number].T, jnp.float32)
            chain = Chain(maps, jnp.zeros((0,)), prior.start(events.exposure, n_components), ())
            return chain, Sums(jnp.zeros_like(maps), jnp.zeros_like(maps))

        def run(number: int, chain_key: jax.Array) -> tuple[np.ndarray, Sums]:
            chain, sums = begin(number)
            nothing, draws = sums, []
            keys = jax.random.split(chain_key, n_warmup + n_maps)
            for step in track(range(-n_warmup, n_maps), "maps", n_warmup + n_maps):
                spectra = jnp.asarray(endmembers[number, chosen[max(step, 0)]], jnp.float32)
                chain = chain._replace(endmembers=spectra)
                chain, sums = advance_maps(
                    events,
                    chain,
                    sums if step > 0 else nothing,
                    keys[step + n_warmup],
                    prior,
                    self.sweeps_per_map,
                )
                if step in keep:
                    draws.append(np.asarray(chain.abundances).T)
            return np.stack(draws), sums

        chain, nothing = begin(0)
        first = chain._replace(endmembers=jnp.asarray(endmembers[0, 0], jnp.float32))
        advance_maps(
            events, first, nothing, key, prior, self.sweeps_per_map
        )  # compiles, once for all threads
        with ThreadPoolExecutor(n_chains) as pool:
            draws, sums = zip(*pool.map(run, range(n_chains), jax.random.split(key, n_chains)), strict=True)
        n = n_chains * n_maps * self.sweeps_per_map
        mean = np.sum([np.asarray(part.first, np.float64).T for part in sums], axis=0) / n
        square = np.sum([np.asarray(part.second, np.float64).T for part in sums], axis=0) / n
        return _Maps(np.stack(draws), mean, np.sqrt(np.maximum(square - mean**2, 0)))

    def _measure_widths(
        self,
        image: SpectrumImage,
        spectra: "_Spectra",
        maps: "_Maps",
        prior: AbundancePrior,
        key: jax.Array,
        count_key: jax.Array,
    ) -> np.ndarray:
        rng = np.random.default_rng(np.asarray(jax.random.bits(count_key, (4,))))
        endmembers = spectra.posterior.endmembers
        known = simulate(image, endmembers.mean((0, 1)), maps.mean, rng)
        again = self._draw_maps(known, endmembers, spectra.starts, prior, key, max(self.n_maps // 2, 20))
        pooled = again.draws.reshape(-1, *again.mean.shape)
        lower, upper = np.quantile(pooled, [0.05, 0.95], axis=0, method="weibull")
        return width_factors(maps.mean, again.mean, lower, upper)


class _Spectra(NamedTuple):
    """Draws of the endmembers, a start of the maps (P, K) for each chain, and how they came about."""

    posterior: Posterior
    starts: list[np.ndarray]
    block: tuple[int, ...]
    n_relabelled: int
    warnings: list[str]
    prepared: Prepared


class _Maps(NamedTuple):
    """Kept draws (chain, draw, P, K), and mean and standard deviation (P, K) over all sweeps."""

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def _superpixel(image: SpectrumImage) -> tuple[int, ...]:
    """Pixels of a superpixel along each axis: as few as hold enough counts, where there are any."""
    mean = image.n_photons / np.count_nonzero(np.diff(image.counts.indptr))
    sides = np.array(image.navigation_shape)
    size = 1
    while mean * np.minimum(size, sides).prod() < ENOUGH_COUNTS and size < sides.max():
        size *= 2
    return tuple(int(min(size, side)) for side in sides)


def _about_rank(found: int, n_components: int, named: bool) -> list[str]:
    """Say so where the counts show another number of components; of named ones there may be more."""
    if n_components == found or (named and n_components > found):
        return []
    return [
        f"{n_components} components were asked for, and the counts show {found}; with too few even what "
        "does not depend on the numbering is wrong, with too many only what single phases hold: see bayesunmix.rank"
    ]

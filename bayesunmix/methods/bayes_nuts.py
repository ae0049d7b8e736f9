r"""Bayesian Poisson NMF by NUTS: the model of `bayes_gibbs`, and physics that Gibbs sampling cannot draw.

Superpixels with enough counts are sampled as one small, dense problem (`bayesunmix.engine.sampling.nuts`). Endmembers
are blind, or mixtures of line families and continuum,

.. math:: e_k = \sum_j w_{kj} F_j(\text{offset}, \text{gain}, \text{width}), \quad
   w_k \sim \mathrm{Dirichlet}(\text{concentration}, \dots),

where the calibration of the detector can be free. Abundances of all pixels are then drawn given each draw of the
endmembers (`bayesunmix.engine.sampling.maps`): a cut posterior, in which single pixels do not bias the endmembers.

Use it to check `bayes` independently, or if the energy calibration is uncertain. Intervals of endmembers that are
mixtures of lines are too narrow, and are marked as not calibrated.
"""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_choice, require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.alignment import match, relabel_chains
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage, sum_blocks
from bayesunmix.data.posterior import Posterior, affordable_draws
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.data.spectral_axis import Signal
from bayesunmix.engine.device.events import Occupied, occupied
from bayesunmix.engine.fits.starts import best_start
from bayesunmix.engine.fits.superpixels import Coarse, block_size, coarsen
from bayesunmix.engine.sampling.gamma_poisson import Prior, draw_empty, of_gram_matrix, prior_for
from bayesunmix.engine.sampling.joint import LEAST_START, sampling_warnings
from bayesunmix.engine.sampling.maps import draw_maps
from bayesunmix.engine.sampling.nuts import MOST_TREE_DEPTH, Chains, Free, sample_by_nuts
from bayesunmix.models.abundance_priors.gamma import Gamma
from bayesunmix.spectra.element_search import find_elements
from bayesunmix.spectra.fluorescence import continuum_warnings
from bayesunmix.spectra.line_model import amplitudes, fit_lines, inverse_noise
from bayesunmix.spectra.line_shapes import DetectorCalibration, line_shapes
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV

MOST_ENTRIES = 2**20  # superpixels x channels


@METHODS.register("bayes_nuts")
@dataclass(frozen=True)
class BayesNUTS:
    """NUTS on superpixels (Hoffman and Gelman 2014), then abundances of all pixels given the endmembers.

    Parameters
    ----------
    endmembers : {"blind", "lines"}
        Free in every channel, or mixtures of line families and continuum curves.
    elements : tuple of str, optional
        Elements whose line families "lines" mixes. Where not given: those that the sum spectrum shows beyond doubt.
    gain, offset, width : bool
        Whether the energy per channel, its zero, and the peak width are unknown; "lines" only. Their draws are
        statistics of the posterior, and `info["calibration"]` contains the 90 % intervals.
    superpixel : int, optional
        Pixels along each side of a superpixel; as many as give 1000 counts where not given. With 1 nothing is pooled,
        and the result is the posterior of `bayes_gibbs`.
    n_chains, n_warmup, n_draws : int
        Chains, steps of adaptation, and draws per chain.
    abundance_shape, abundance_rate, endmember_concentration
        Prior, as in `bayes_gibbs`. The concentration is that of the weights where endmembers are mixtures.
    n_starts : int
        Random starts of the fit that each chain starts from.
    most_draws_mib : float
        Memory for abundance draws, in MiB. Evenly spaced draws are kept to stay below it, but at least 20 per chain.
    """

    endmembers: Literal["blind", "lines"] = "blind"
    elements: tuple[str, ...] | None = None
    gain: bool = False
    offset: bool = False
    width: bool = False
    superpixel: int | None = None
    n_chains: int = 2
    n_warmup: int = 150
    n_draws: int = 150
    abundance_shape: float = 0.5
    abundance_rate: float | None = None
    endmember_concentration: float = 0.5
    n_starts: int = 4
    most_draws_mib: float = 256

    def __post_init__(self) -> None:
        require_positive(self)
        require_choice(self)
        if isinstance(self.elements, str):
            raise TypeError(
                f"setting elements of BayesNUTS must be a tuple of symbols, got {self.elements!r}; "
                "for example ('Ni', 'Cr')"
            )
        if self.endmembers == "blind" and (self.gain or self.offset or self.width):
            raise ValueError(
                "settings gain, offset and width of BayesNUTS need endmembers that are mixtures of line families, got "
                "endmembers='blind'; set endmembers='lines'"
            )

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Draw from the posterior of `n_components` endmembers and abundances."""
        start_key, nuts_key, cut_key = jax.random.split(key, 3)
        first = int(np.searchsorted(image.energy_kev, NOISE_BELOW_KEV)) if self.endmembers == "lines" else 0
        used = image.crop(image.energy_kev[first]) if first else image
        block = (
            (self.superpixel,) * len(image.navigation_shape)
            if self.superpixel
            else block_size(used, n_components)
        )
        pooled = sum_blocks(used, block)
        pixels = occupied(pooled)
        _require_small(pixels.pixels.size, pooled)
        prior = self._prior(pooled, n_components)
        free = self._free(used)
        coarse = coarsen(pooled, n_components)
        starts = [
            self._start(pooled, pixels, n_components, free, chain_key, coarse)
            for chain_key in jax.random.split(start_key, self.n_chains)
        ]
        starts = [_numbered_as(starts[0], start) for start in starts]
        drawn = sample_by_nuts(
            pixels.counts.toarray(),
            starts,
            prior,
            free=free,
            n_warmup=self.n_warmup,
            n_draws=self.n_draws,
            key=nuts_key,
        )

        n_draws, interrupted = drawn.endmembers.shape[1], drawn.interrupted
        abundances: dict[str, Any] = {}
        if max(block) > 1:
            of_pixels = self._prior(used, n_components)
            totals = np.asarray(used.counts.sum(axis=1), np.float64)[:, None]
            maps = draw_maps(
                used,
                drawn.endmembers,
                [np.repeat(totals / n_components + LEAST_START, n_components, axis=1)] * self.n_chains,
                prior=Gamma(of_pixels.shape, of_pixels.rate),
                key=cut_key,
                n_maps=n_draws,
                sweeps_per_map=None,
                most_mib=self.most_draws_mib,
            )
            abundances = {"abundances": maps.draws, "abundance_mean": maps.mean, "abundance_sd": maps.sd}
            abundances["partners"], interrupted = maps.partners, interrupted or maps.interrupted
        else:
            kept = affordable_draws(
                n_draws, self.n_chains * image.n_pixels * n_components, self.most_draws_mib
            )
            every = slice(None, None, -(-n_draws // kept))
            shape = (self.n_chains, len(range(n_draws)[every]), image.n_pixels, n_components)
            abundances["abundances"] = draw_empty(prior, shape, cut_key)
            abundances["abundances"][:, :, pixels.pixels] = drawn.abundances[:, every]
        statistics = drawn.statistics | of_gram_matrix(drawn.endmembers)
        endmembers = np.pad(drawn.endmembers, [(0, 0)] * 3 + [(first, 0)])
        calibrated = self.endmembers == "blind"
        posterior, n_relabelled = relabel_chains(
            Posterior(endmembers, statistics=statistics, calibrated=calibrated, **abundances)
        )
        info: Info = {
            **self._info(posterior, drawn, free, interrupted, image.spectral_axis.signal),
            "chains_relabelled": n_relabelled,
            "superpixel": list(map(int, block)),
        }
        return Unmixing(Factorization(*posterior.mean()), posterior, info)

    def _prior(self, image: SpectrumImage, n_components: int) -> Prior:
        return prior_for(
            occupied(image),
            n_components,
            self.abundance_shape,
            self.abundance_rate,
            self.endmember_concentration,
        )

    def _free(self, image: SpectrumImage) -> Free | None:
        """Fit line families and calibration to the sum spectrum, if endmembers are mixtures of them."""
        if self.endmembers == "blind":
            return None
        energy_kev, counts = image.energy_kev, image.sum_spectrum().astype(np.float64)
        if self.elements is None:
            model = find_elements(energy_kev, counts).model
        else:
            model = fit_lines(energy_kev, counts, self.elements)
        asked = {"offset_kev": self.offset, "gain": self.gain, "width": self.width}
        names = tuple(name for name, free in asked.items() if free)
        return Free(
            line_shapes(energy_kev, model), DetectorCalibration(model.offset_kev, model.gain, 1.0), names
        )

    def _start(
        self,
        pooled: SpectrumImage,
        pixels: Occupied,
        n_components: int,
        free: Free | None,
        key: jax.Array,
        coarse: Coarse,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit the superpixels: abundances (B, K), and the weights of the endmembers."""
        start = best_start(pooled, pixels, n_components, key, self.n_starts, coarse=coarse)
        weights = start.endmembers.astype(np.float64)
        if free is not None:
            spectra = np.asarray(free.shapes.spectra(free.fitted), np.float64)
            noise = inverse_noise(pooled.energy_kev, pooled.sum_spectrum().astype(np.float64))
            weights = np.array([amplitudes(spectra, spectrum, noise) for spectrum in weights])
        weights /= weights.sum(axis=1, keepdims=True)
        return start.abundances.T[: pixels.pixels.size].astype(np.float64), weights

    def _info(
        self, posterior: Posterior, drawn: Chains, free: Free | None, interrupted: bool, signal: Signal
    ) -> Info:
        diagnostics = posterior.diagnostics()
        divergent, longest = int(drawn.divergent.sum()), float((drawn.steps >= 2**MOST_TREE_DEPTH - 1).mean())
        doubts = sampling_warnings(diagnostics["r_hat"], interrupted=interrupted)
        if divergent:
            doubts.append(
                f"{divergent} trajectories diverged, so draws may miss a narrow part of the posterior. Raise n_warmup."
            )
        warnings = [*doubts, *(continuum_warnings(signal) if free else [])]
        if free is not None and not free.shapes.line_kev.size:
            warnings.append("No element was recognised, so everything is continuum. Name the elements.")
        calibration = {
            name: [float(q) for q in np.quantile(drawn.statistics[name], [0.05, 0.5, 0.95])]
            for name in (free.names if free else ())
        }
        return {
            "converged": not doubts,
            "interrupted": interrupted,
            "iterations": self.n_warmup + drawn.endmembers.shape[1],
            "objective": posterior.statistics["log_likelihood"].mean(axis=0).tolist(),
            "objective_name": "log-likelihood relative to the start, mean over chains",
            "warnings": warnings,
            "calibration": calibration,
            "divergent": divergent,
            "gradients_per_draw": float(drawn.steps.mean()),
            "longest_trajectories": longest,
            **diagnostics,
        }


def _require_small(n_superpixels: int, pooled: SpectrumImage) -> None:
    if n_superpixels * pooled.n_channels > MOST_ENTRIES:
        raise ValueError(
            f"bayes_nuts samples at most {MOST_ENTRIES} superpixels x channels, got {n_superpixels} x "
            f"{pooled.n_channels}; use bayes_gibbs, leave out superpixel, or crop or sum channels"
        )


def _numbered_as(
    first: tuple[np.ndarray, np.ndarray], start: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    abundances, weights = start
    order = match(first[1], weights)
    return abundances[:, order], weights[order]

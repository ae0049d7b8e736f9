r"""How wide intervals must be, learned from an image that was simulated from the fit: prepivoting [1]_.

Draws under a prior that is a mixture (`bayesunmix.abundance_priors.multiscale`) spread more than their mean errs, and
under strong overlap of spectra less. How much is measured: photons are drawn from the fitted factorisation, unmixed in
the same way, and compared with what they were drawn from. Each component gets one factor c, with which 90 % intervals
would have held the known truth 90 % of the time, and every draw a is moved towards or away from the mean m,
:math:`a' = m (a / m)^c`.

References
----------
.. [1] R. Beran, "Prepivoting to reduce level error of confidence sets", Biometrika 74, 457 (1987).
"""

from dataclasses import replace

import jax
import numpy as np
from scipy import sparse

from bayesunmix.abundance_prior import AbundancePrior
from bayesunmix.engine.maps import Maps, draw_maps
from bayesunmix.image import SpectrumImage

LEVEL = 0.9
ACTIVE_FRACTION = (
    0.05  # of a pixel: an interval of what is nearly nothing cannot be judged by whether it holds it
)
_SMALL = 1e-9
_LEAST, _MOST = 0.2, 3.0


def measure_widths(
    image: SpectrumImage,
    endmembers: np.ndarray,
    maps: Maps,
    starts: list[np.ndarray],
    prior: AbundancePrior,
    key: jax.Array,
    n_maps: int,
    sweeps_per_map: int,
    most_mib: float,
) -> np.ndarray | None:
    """Unmix an image that was simulated from the fit, and return the factor of each component, (K,).

    The arguments are those of `bayesunmix.engine.maps.draw_maps`, and what it returned. None if it was interrupted.
    """
    count_key, key = jax.random.split(key)
    rng = np.random.default_rng(np.asarray(jax.random.bits(count_key, (4,))))
    known = simulate(image, endmembers.mean((0, 1)), maps.mean, rng)
    try:
        again = draw_maps(known, endmembers, starts, prior, key, n_maps, sweeps_per_map, most_mib)
    except KeyboardInterrupt:
        return None
    if again.interrupted:
        return None
    tail = (1 - LEVEL) / 2
    pooled = again.draws.reshape(-1, *again.mean.shape)
    lower, upper = np.quantile(pooled, [tail, 1 - tail], axis=0, method="weibull")
    return width_factors(maps.mean, again.mean, lower, upper)


def simulate(
    image: SpectrumImage, endmembers: np.ndarray, abundances: np.ndarray, rng: np.random.Generator
) -> SpectrumImage:
    """Draw photons of a factorisation, (K, C) and (P, K), on the grid of an image; without dense arrays."""
    photons = rng.poisson(abundances)
    pixels, channels = [], []
    for k, spectrum in enumerate(endmembers.astype(np.float64)):
        pixels.append(np.repeat(np.arange(image.n_pixels), photons[:, k]))
        channels.append(rng.choice(spectrum.size, pixels[-1].size, p=spectrum / spectrum.sum()))
    where = np.concatenate(pixels), np.concatenate(channels)
    counts = sparse.coo_array((np.ones(where[0].size, np.uint32), where), (image.n_pixels, image.n_channels))
    return replace(image, counts=counts.tocsr())


def width_factors(truth: np.ndarray, mean: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return the factor of each component, (K,).

    Parameters
    ----------
    truth, mean : (P, K) arrays
        What photons were simulated from, and the mean of the draws given these photons.
    lower, upper : (P, K) arrays
        Ends of the equal-tailed interval of these draws at `LEVEL`.
    """
    active = truth > ACTIVE_FRACTION * np.maximum(truth.sum(axis=1, keepdims=True), _SMALL)
    end = np.where(truth < mean, lower, upper)
    off, reach = (np.log(np.maximum(a, _SMALL) / np.maximum(mean, _SMALL)) for a in (truth, end))
    needed = np.where(reach * off > 0, off / np.where(reach == 0, 1, reach), np.where(off == 0, 0, np.inf))
    factors = [
        np.quantile(needed[active[:, k], k], LEVEL, method="inverted_cdf") if active[:, k].any() else 1.0
        for k in range(truth.shape[1])
    ]
    return np.clip(factors, _LEAST, _MOST)


def rescale(draws: np.ndarray, mean: np.ndarray, factors: np.ndarray) -> None:
    """Move draws (..., P, K) in place towards or away from the mean (P, K); the mean of the draws stays it."""
    middle = np.maximum(mean, _SMALL).astype(np.float32)
    for block in range(0, len(middle), 2**16):
        rows = slice(block, block + 2**16)
        part = draws[..., rows, :]
        moved = middle[rows] * (np.maximum(part, np.float32(_SMALL)) / middle[rows]) ** factors.astype(
            np.float32
        )
        moved *= middle[rows] / np.maximum(moved.mean(axis=tuple(range(moved.ndim - 2))), _SMALL)
        draws[..., rows, :] = moved

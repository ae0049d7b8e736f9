r"""KL-NMF of minimum volume: of the factorisations that explain the counts, one whose endmembers lie close together.

Where every endmember contains the same continuum, NMF can exaggerate the differences between them and still be
non-negative everywhere. The objective is the deviance D plus

.. math:: s D_0 \log\det(E E^T / g + \delta I),

with endmembers that sum to one [1]_, g the squared length of the normalised sum spectrum and :math:`D_0` the deviance
at the start. So s is a plain number: a volume e times smaller may cost that fraction of the deviance. The
log-determinant is majorised by its tangent, the quadratic form that remains by a parabola per entry, and a multiplier
fixes the sum of each endmember at one [2]_.

Use it if some pixels contain one phase each and spectra overlap. Where no pixel is pure, a small volume draws the
endmembers into the mixtures, and every strength makes the result worse.

References
----------
.. [1] V. Leplat, N. Gillis and A. M. S. Ang, "Blind audio source separation with minimum-volume beta-divergence NMF",
   IEEE Trans. Signal Process. 68, 3400 (2020), arXiv 1907.02404.
.. [2] V. Leplat, N. Gillis and J. Idier, "Multiplicative updates for NMF with beta-divergences under disjoint equality
   constraints", SIAM J. Matrix Anal. Appl. 42, 730 (2021).
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.layout import (
    Data,
    allocate_to_channels,
    allocate_to_pixels,
    lay_out,
    place_maps,
)
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.descent import Objective, descend
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, extrapolate
from bayesunmix.engine.fits.majoriser import minimiser_of_sum
from bayesunmix.engine.fits.starts import best_start

VOLUME_RIDGE = 0.1  # delta: endmembers that are more alike than this are not drawn closer


@METHODS.register("nmf_minvol")
@dataclass(frozen=True)
class NMFMinvol:
    """Minimum-volume KL-NMF (Leplat, Gillis and Ang 2020).

    Parameters
    ----------
    strength : float
        Fraction of the deviance that endmembers of an e times smaller volume may cost.
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        The fit has converged when no more than this fraction of the objective is left to gain, as extrapolated from the
        last iterations.
    max_iterations : int
        Largest number of EM iterations.
    """

    strength: float = 3e-4
    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit `n_components` endmembers and abundances."""
        data, pixels = lay_out(image)
        start = best_start(image, pixels, n_components, key, self.n_starts)
        spectrum = image.sum_spectrum() / image.n_photons
        unit = float(spectrum @ spectrum)
        reached = em.deviance(data, place_maps(start.abundances), jnp.asarray(start.endmembers))
        weight = self.strength * reached
        objective = Objective(
            "deviance and volume",
            partial(_advance, data, jnp.float32(unit), jnp.float32(weight)),
            lambda a, e: em.deviance(data, a, e) + weight * log_volume(e, unit),
        )
        return descend(objective, start, image, pixels, self.tolerance, self.max_iterations)


def log_volume(endmembers: Array, unit: float) -> float:
    """Return the log-determinant of the Gram matrix of (K, C) endmembers over `unit`, with a ridge."""
    spectra = np.asarray(endmembers, np.float64)
    return float(np.linalg.slogdet(spectra @ spectra.T / unit + VOLUME_RIDGE * np.eye(len(spectra)))[1])


@jax.jit
def _advance(data: Data, unit: Array, weight: Array, moving: Moving, iterations: int) -> Moving:
    return extrapolate(partial(volume_step, data, unit, weight), moving, iterations)


def volume_step(
    data: Data, unit: Array, weight: Array, abundances: Array, endmembers: Array
) -> tuple[Array, Array]:
    """Do an EM iteration: abundances as in `nmf`, then endmembers with the majorised volume."""
    abundances = jnp.maximum(allocate_to_pixels(data, abundances, endmembers), LEAST_ENTRY)
    allocated = allocate_to_channels(data, abundances, endmembers)
    size = jnp.maximum(allocated.sum(1, keepdims=True), LEAST_ENTRY)
    gram = jnp.matmul(endmembers, endmembers.T, precision="highest") / unit
    inverse = jnp.linalg.inv(gram + VOLUME_RIDGE * jnp.eye(len(gram)))
    inverse = (inverse + inverse.T) / 2
    bound = jnp.abs(inverse).sum(1, keepdims=True)  # the diagonal matrix of it exceeds `inverse`
    pull = jnp.matmul(inverse, endmembers, precision="highest") - bound * endmembers
    scale = weight / (unit * size)
    spectra = minimiser_of_sum(allocated / size, 1 + scale * pull, scale * bound, jnp.ones_like(size))
    spectra = jnp.maximum(spectra, LEAST_ENTRY)
    return abundances, spectra / spectra.sum(1, keepdims=True)

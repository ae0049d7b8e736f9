r"""KL-NMF with smooth abundance maps: neighbours are drawn together, as far as held-out photons approve.

The objective is half the deviance plus

.. math:: \frac{s}{2 m} \sum_k \sum_{p \sim q} (a_{pk} - a_{qk})^2 = \frac{s}{2 m} \mathrm{tr}(A^T L A),

the Laplacian penalty that espm also offers [1]_, over pairs of occupied neighbours along every navigation axis. It is
divided by m, the mean counts per occupied pixel, so that s is a plain number: an abundance of m counts has the variance
m, and :math:`\sqrt s` is the length in pixels over which maps are smoothed, at any dose. Each square is majorised by
one term per pixel [2]_, and the EM step has a closed form. The expected counts are fixed at the recorded number, which
the penalty would lower. Edges are smoothed like everything else.

Where no s is given, it is chosen on held-out photons. Maps are fitted to half of the photons, at the endmembers of the
binned fit, and scored on the other half. The best s of half the photons is halved for all of them, because the same
belief in how much fractions differ between neighbours means s proportional to 1 / m.

References
----------
.. [1] A. Teurtrie et al., "espm: a Python library for the simulation of STEM-EDXS datasets", Ultramicroscopy 249,
   113719 (2023).
.. [2] A. R. De Pierro, "A modified expectation maximization algorithm for penalized likelihood estimation in emission
   tomography", IEEE Trans. Med. Imaging 14, 132 (1995).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.device.events import Occupied
from bayesunmix.engine.device.layout import (
    Data,
    allocate_to_channels,
    allocate_to_pixels,
    lay_out,
    place_maps,
)
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.descent import Objective, descend
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, extrapolate
from bayesunmix.engine.fits.majoriser import minimiser_of_sum
from bayesunmix.engine.fits.neighbours import Neighbours, neighbours
from bayesunmix.engine.fits.starts import Start, best_start

GRID = tuple(0.01 * 10 ** (step / 2) for step in range(9))  # 0.01 to 100
NEVER = 1e15  # slope that keeps the padding at zero
CHOICE_TOLERANCE, CHOICE_ITERATIONS = 1e-5, 300


@METHODS.register("nmf_smooth")
@dataclass(frozen=True)
class NMFSmooth:
    """KL-NMF with a Laplacian penalty on the abundance maps (as in espm, Teurtrie et al. 2023).

    Parameters
    ----------
    smoothness : float, optional
        Square of the length over which maps are smoothed, in pixels. With None it is chosen on held-out photons:
        `info["smoothness"]` is the choice, and `info["held_out_deviance"]` the score of each of
        `info["smoothness_tried"]`.
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        The fit has converged when no more than this fraction of the objective is left to gain, as extrapolated from the
        last iterations.
    max_iterations : int
        Largest number of EM iterations.
    """

    smoothness: float | None = None
    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit `n_components` endmembers and smooth abundances."""
        key, thinning_key = jax.random.split(key)
        data, pixels = lay_out(image)
        start = best_start(image, pixels, n_components, key, self.n_starts)
        rng = numpy_generator(thinning_key)
        choice = Choice(self.smoothness, {}, False) if self.smoothness else _choose(image, start, rng)
        objective = _objective(image, data, pixels, choice.smoothness)
        result = descend(
            objective, start, image, pixels, self.tolerance, self.max_iterations, choice.interrupted
        )
        chosen: Info = {
            "smoothness": float(choice.smoothness),
            "smoothness_tried": list(choice.scores),
            "held_out_deviance": list(choice.scores.values()),
        }
        return replace(result, info={**result.info, **chosen})


def _objective(
    image: SpectrumImage, data: Data, pixels: Occupied, smoothness: float, fixed: Array | None = None
) -> Objective:
    around = neighbours(image, pixels)
    weight = smoothness * pixels.pixels.size / image.n_photons
    return Objective(
        "deviance and roughness",
        partial(_advance, data, around, jnp.float32(weight), fixed),
        lambda a, e: em.deviance(data, a, e) + weight * around.roughness(a),
    )


@jax.jit
def _advance(
    data: Data, around: Neighbours, weight: Array, fixed: Array | None, moving: Moving, iterations: int
) -> Moving:
    return extrapolate(lambda a, e: smooth_step(data, around, weight, a, e, fixed), moving, iterations)


def smooth_step(
    data: Data,
    around: Neighbours,
    weight: Array,
    abundances: Array,
    endmembers: Array,
    fixed: Array | None = None,
) -> tuple[Array, Array]:
    """Do one EM iteration with the majorised penalty; endmembers where `fixed` is True stay fixed."""
    allocated = allocate_to_pixels(data, abundances, endmembers)
    degree, sums = around.degree(), around.sums(abundances)
    # A pixel without neighbours is tied to itself, which leaves it free in the end; padding stays empty.
    alone = degree == 0
    degree, sums = jnp.where(alone, 1, degree), jnp.where(alone, abundances, sums)
    slope = jnp.where(alone & (allocated == 0), NEVER, 1 - weight * (degree * abundances + sums))
    smooth = minimiser_of_sum(allocated, slope, 2 * weight * degree, allocated.sum().reshape(1, 1))
    abundances = jnp.maximum(smooth, LEAST_ENTRY)
    spectra = jnp.maximum(allocate_to_channels(data, abundances, endmembers), LEAST_ENTRY)
    spectra = spectra / spectra.sum(1, keepdims=True)
    return abundances, spectra if fixed is None else jnp.where(fixed, endmembers, spectra)


class Choice(NamedTuple):
    """Hold a smoothness, the held-out deviance of each that was tried, and whether the user stopped the trials."""

    smoothness: float
    scores: dict[float, float]
    interrupted: bool


def _choose(image: SpectrumImage, start: Start, rng: np.random.Generator) -> Choice:
    """Fit maps to half of the photons, smoother and smoother, until they predict the other half worse."""
    try:
        kept, rest = image.thin(0.5, rng)
    except ValueError:  # hardly a photon: any smoothness will do
        return Choice(1.0, {}, False)
    data, pixels = lay_out(kept)
    fixed = jnp.ones((len(start.endmembers), 1), bool)
    maps = np.tile(np.asarray(kept.counts.sum(axis=1)) / len(fixed), (len(fixed), 1))
    score, scores = _held_out(rest, start.endmembers), {}
    for smoothness in GRID:
        objective = _objective(kept, data, pixels, smoothness, fixed)
        begin = start._replace(abundances=_of_pixels(maps, pixels))
        fitted = descend(objective, begin, kept, pixels, CHOICE_TOLERANCE, CHOICE_ITERATIONS)
        maps = fitted.estimate.abundances.T
        scores[smoothness / 2] = score(maps)
        if fitted.info["interrupted"] or scores[smoothness / 2] > min(scores.values()):
            break
    return Choice(min(scores, key=scores.__getitem__), scores, fitted.info["interrupted"])


def _held_out(rest: SpectrumImage, endmembers: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the deviance of `rest` as a function of the (K, P) maps that predict it."""
    data, pixels = lay_out(rest)
    return lambda maps: em.deviance(data, place_maps(_of_pixels(maps, pixels)), jnp.asarray(endmembers))


def _of_pixels(maps: np.ndarray, pixels: Occupied) -> np.ndarray:
    """Take the occupied pixels of (K, P) maps, and pad them."""
    taken = np.full((len(maps), pixels.padded), LEAST_ENTRY, np.float32)
    taken[:, : pixels.pixels.size] = np.maximum(maps[:, pixels.pixels], LEAST_ENTRY)
    return taken

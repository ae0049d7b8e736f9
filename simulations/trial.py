"""Acquire a phantom at a dose with a seed, which makes a trial."""

import math
from dataclasses import dataclass, field

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from simulations.acquisition import Acquisition, Exposure
from simulations.phantom import Phantom
from simulations.photons import joined


@dataclass(frozen=True, eq=False)
class Trial:
    """Hold one acquisition: what a method may see (`image`), and what it is scored against (`truth`).

    Parameters
    ----------
    image : SpectrumImage
    truth : Factorization
        Truth at the dose of this trial and as acquired: `truth.expected()` is the mean of the counts (with absorption,
        the nearest linear one). The specimen itself is in `phantom.truth`.
    phantom : Phantom
    dose : float
        Mean counts per pixel of the specimen.
    seed : int or None
        None if a generator was passed instead of a seed.
    acquisition : Acquisition
    haadf : array of `phantom.navigation_shape`, optional
        Counted electrons of the simultaneous HAADF image.
    """

    image: SpectrumImage
    truth: Factorization
    phantom: Phantom
    dose: float
    seed: int | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    haadf: np.ndarray | None = None


def acquire(
    phantom: Phantom, dose: float, rng: np.random.Generator | int, acquisition: Acquisition | None = None
) -> Trial:
    """Record photons of a phantom.

    Parameters
    ----------
    phantom : Phantom
    dose : float
        Mean counts per pixel of the specimen.
    rng : numpy Generator, or int
        A whole number is a seed, which the trial then keeps; the same seed gives the same bytes.
    acquisition : Acquisition, optional
        What microscope and detector do; a perfect acquisition where not given.

    Raises
    ------
    ValueError
        If the dose is not a positive number, the seed is negative, the acquisition needs what the phantom does not
        state, or not one photon is drawn.
    """
    acquisition = acquisition or Acquisition()
    exposure, generator = expose(phantom, dose, rng, acquisition)
    counts = joined(exposure.draw(generator))
    truth = exposure.mean()
    if counts.nnz == 0:
        expected = truth.abundances.sum()
        raise ValueError(
            f"no photon was drawn: dose {dose:g} means {expected:.3g} photons in all; raise the dose"
        )
    image = SpectrumImage(counts, phantom.energy_kev, (*exposure.shape, counts.shape[1]), exposure.axes)
    haadf = acquisition.haadf(phantom, generator)
    seed = None if isinstance(rng, np.random.Generator) else int(rng)
    return Trial(image, truth, phantom, float(dose), seed, acquisition, haadf)


def expose(
    phantom: Phantom, dose: float, rng: np.random.Generator | int, acquisition: Acquisition
) -> tuple[Exposure, np.random.Generator]:
    """Return what `acquire` draws, and the generator to draw it with, for counts larger than memory.

    Raises
    ------
    ValueError
        As `acquire`, except for an exposure that draws no photon.
    """
    if not (dose > 0 and math.isfinite(dose)):
        raise ValueError(f"dose must be a positive, finite number of counts per specimen pixel, got {dose}")
    generator = rng if isinstance(rng, np.random.Generator) else np.random.default_rng(_validated_seed(rng))
    return acquisition.expose(phantom, dose, generator), generator


def _validated_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"rng must be a numpy Generator or a whole number from 0 on (a seed), got {seed!r}")
    return int(seed)

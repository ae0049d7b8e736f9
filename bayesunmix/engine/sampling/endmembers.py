"""Draw endmembers given superpixels, until the chains agree.

Chains are slow along the rotations that the counts hardly tell apart. The sweeps from one independent draw to the next
grow with the photons, and so does the cost of each sweep. So chains that disagree go on twice as long with all photons,
and after that with half of them, picked at random, and twice as many sweeps: four times the independent draws for the
same time, at the price of intervals that are wider by the square root of two.
"""

from typing import NamedTuple

import jax
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior
from bayesunmix.contracts.endmember_model import EndmemberModel, Prepared
from bayesunmix.data.image import SpectrumImage, sum_blocks
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits.superpixels import block_size
from bayesunmix.engine.sampling.chains import Checkpoint
from bayesunmix.engine.sampling.joint import (
    FEWEST_DRAWS,
    LONGER,
    Sampled,
    Schedule,
    agree,
    sample_jointly,
    stages_of,
)
from bayesunmix.engine.sampling.modes import LEAST_START, Beginning

COUNTS_PER_SUPERPIXEL = 60
MOST_PHOTONS = 1_000_000  # more make endmembers little surer, and chains much slower
ROUNDS = 2  # with fewer photons
FEWEST_PHOTONS = 250_000  # from which on endmembers are not drawn from fewer: rare materials would be lost
_NAMES = ("endmembers", *(f"endmembers_of_fewer{number}" for number in range(1, ROUNDS + 1)))
STAGES = tuple(stage for name in _NAMES for stage in stages_of(name))  # names for checkpoints


class Drawn(NamedTuple):
    """Hold draws of endmembers, and where the maps of each chain may start.

    Attributes
    ----------
    sampled : Sampled
    starts : list of (P, K) arrays
        Expected counts in every pixel of the image, one for each chain.
    superpixel : tuple of int
        Pixels along each axis.
    n_photons : int
        Photons that the endmembers were drawn from.
    """

    sampled: Sampled
    starts: list[np.ndarray]
    superpixel: tuple[int, ...]
    n_photons: int


def draw_endmembers(
    image: SpectrumImage,
    prepared: Prepared,
    model: EndmemberModel,
    *,
    compositions: AbundancePrior,
    key: jax.Array,
    n_chains: int,
    schedule: Schedule,
    kept: Checkpoint,
) -> Drawn:
    """Draw endmembers from superpixels of at most `MOST_PHOTONS` photons, and from fewer where chains disagree.

    Parameters
    ----------
    image : SpectrumImage
    prepared : Prepared
    model : EndmemberModel
    compositions : AbundancePrior
        The Dirichlet prior.
    key : JAX key
    n_chains : int
    schedule : Schedule
        Of the first round.
    kept : Checkpoint
    """
    most = min(image.n_photons, MOST_PHOTONS)
    n_draws = schedule.n_blocks * (schedule.block // schedule.thin)
    rounds = ROUNDS if n_draws >= FEWEST_DRAWS else 0  # agreement of fewer draws cannot be judged
    drawn: Drawn | None = None
    for number, name in enumerate(_NAMES[: rounds + 1]):
        round_key = jax.random.fold_in(key, number) if number else key
        wanted = min(most, max(most // 2**number, FEWEST_PHOTONS))
        longer = 1 if not number else LONGER ** (number + 1)
        plan = schedule._replace(n_blocks=longer * schedule.n_blocks, every=longer, again=not number)
        some, keep = _some(image, wanted, round_key)
        size = block_size(some, prepared.n_components, COUNTS_PER_SUPERPIXEL, most=image.n_pixels)
        pooled = sum_blocks(some, size)
        of_block = image.block_of_pixel(size)
        try:
            sampled = sample_jointly(
                pooled,
                prepared,
                model,
                prior=compositions,
                compositions=compositions,
                key=round_key,
                n_chains=n_chains,
                schedule=plan,
                keep_maps=False,
                occupied_only=True,
                kept=kept,
                name=name,
                begins=None if drawn is None else _ends(drawn, of_block, pooled.n_pixels, keep),
                pool=number == rounds,
            )
        except KeyboardInterrupt:
            if drawn is None:
                raise
            return drawn._replace(sampled=drawn.sampled._replace(interrupted=True))
        if drawn is not None:
            sampled = sampled._replace(n_sweeps=drawn.sampled.n_sweeps + sampled.n_sweeps)
        n_pixels = keep * np.maximum(np.bincount(of_block, image.takes_part), 1)[:, None]
        starts = [(maps[0] / n_pixels)[of_block] + LEAST_START for maps in sampled.posterior.abundances]
        drawn = Drawn(sampled, starts, size, some.n_photons)
        if sampled.interrupted or agree(sampled.posterior):
            break
    assert drawn is not None
    return drawn


def _some(image: SpectrumImage, wanted: int, key: jax.Array) -> tuple[SpectrumImage, float]:
    """Pick about as many photons as are wanted at random; also return their fraction."""
    keep = wanted / image.n_photons
    if keep >= 1:
        return image, 1.0
    return image.thin(keep, numpy_generator(jax.random.fold_in(key, ROUNDS + 1)))[0], keep


def _ends(drawn: Drawn, of_block: np.ndarray, n_blocks: int, keep: float) -> list[Beginning]:
    """Return where chains go on: their last spectra, and their maps summed over superpixels."""
    return [
        Beginning(
            np.stack([np.bincount(of_block, keep * one, n_blocks) for one in maps.T]) + LEAST_START, last
        )
        for maps, last in zip(drawn.starts, drawn.sampled.posterior.endmembers[:, -1], strict=True)
    ]

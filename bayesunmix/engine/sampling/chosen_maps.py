"""Draw maps under the priors that unseen photons do not refute, and recalibrate where a prior needs it."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior, is_recalibrated
from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.sampling.chains import Checkpoint
from bayesunmix.engine.sampling.choice import MOST_PRIORS, Choice, choose_prior, together
from bayesunmix.engine.sampling.maps import NOWHERE, Maps, draw_maps
from bayesunmix.engine.sampling.recalibration import measure_scores, recalibrate_in_place

STAGES = (
    "maps",
    *(f"maps of prior {number} " for number in range(2, MOST_PRIORS + 1)),
)  # names of checkpoints
FEWEST_MAPS = 20  # of simulated images
MAPS_TO_CHOOSE = 10  # of photons that are not kept apart; their mean alone is used


class ChosenMaps(NamedTuple):
    """Hold the maps, how their priors were chosen, and what recalibration measured.

    Attributes
    ----------
    maps : Maps
    weights : dict of float
        Priors that maps were drawn under, and their weights.
    choice : Choice or None
        None if there was nothing to choose, or the user interrupted.
    scores : (K, shares, levels) array or None
        What `bayesunmix.engine.sampling.recalibration.measure_scores` returned, where it was asked.
    interrupted : bool
    """

    maps: Maps
    weights: dict[str, float]
    choice: Choice | None
    scores: np.ndarray | None
    interrupted: bool


def draw_chosen_maps(
    image: SpectrumImage,
    endmembers: np.ndarray,
    starts: list[np.ndarray],
    priors: Mapping[str, AbundancePrior],
    *,
    map_key: jax.Array,
    image_key: jax.Array,
    n_maps: int,
    sweeps_per_map: int | None,
    most_mib: float,
    kept: Checkpoint,
) -> ChosenMaps:
    """Choose priors, and draw maps under each that is chosen.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (chain, draw, K, C) array
    starts : list of (P, K) arrays
        Maps that each chain starts from.
    priors : dict of AbundancePrior
        Those that may be right; one is taken as it is.
    map_key, image_key : JAX keys
        For the maps of the image, and for those of simulated images.
    n_maps : int
        Draws per chain, of all priors together.
    sweeps_per_map, most_mib, kept
        See `bayesunmix.engine.sampling.maps.draw_maps`.
    """
    draw = partial(_draw, endmembers=endmembers, sweeps_per_map=sweeps_per_map)
    choice, weights = None, {next(iter(priors)): 1.0}
    if len(priors) > 1:

        def shorter(image: SpectrumImage, *, key: jax.Array, prior: AbundancePrior, **given: Any) -> Maps:
            n_maps = FEWEST_MAPS if is_recalibrated(prior) else MAPS_TO_CHOOSE
            again = jax.random.fold_in(key, 1)
            given |= {"n_maps": n_maps, "most_mib": most_mib}
            return draw(image, key=key, image_key=again, prior=prior, **given)[0]

        choice = choose_prior(image, endmembers, starts, priors, jax.random.fold_in(map_key, 1), shorter)
        weights = weights if choice is None else choice.weights
    interrupted = len(priors) > 1 and choice is None
    of_all, scores = [], None
    for number, (name, weight) in enumerate(weights.items()):
        maps, learned = draw(
            image,
            starts=starts,
            key=map_key if number == 0 else jax.random.fold_in(map_key, 1 + number),
            image_key=image_key,
            prior=priors[name],
            n_maps=math.ceil(weight * n_maps),
            n_again=n_maps // 2,
            kept=kept,
            name=STAGES[number],
            most_mib=weight * most_mib,  # for the draws of all together
            recalibrating=not interrupted,
        )
        scores = learned if scores is None else scores
        interrupted |= maps.interrupted
        of_all.append(maps)
        if interrupted:
            break
    used = dict(list(weights.items())[: len(of_all)])
    total = sum(used.values())
    used = {name: weight / total for name, weight in used.items()}
    maps = of_all[0] if len(of_all) == 1 else together(of_all, list(used.values()))
    return ChosenMaps(maps, used, choice, scores, interrupted)


def _draw(
    image: SpectrumImage,
    *,
    endmembers: np.ndarray,
    starts: list[np.ndarray],
    key: jax.Array,
    image_key: jax.Array,
    prior: AbundancePrior,
    n_maps: int,
    n_again: int = FEWEST_MAPS,
    recalibrating: bool = True,
    kept: Checkpoint = NOWHERE,
    name: str = "maps",
    **given: Any,
) -> tuple[Maps, np.ndarray | None]:
    """Draw maps, and recalibrate them if the prior asks for it; also return what recalibration measured."""
    recalibrating &= is_recalibrated(prior)
    given = {**given, "endmembers": endmembers, "prior": prior}
    maps = draw_maps(image, starts=starts, key=key, n_maps=n_maps, kept=kept, name=name, **given)
    if maps.interrupted or not recalibrating:
        return maps, None
    again = partial(draw_maps, n_maps=max(n_again, FEWEST_MAPS), **given)
    scores = measure_scores(image, endmembers, maps, starts, image_key, again)
    if scores is None:
        return maps._replace(interrupted=True), None
    return recalibrate_in_place(maps, scores), scores

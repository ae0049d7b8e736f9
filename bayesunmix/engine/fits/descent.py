"""Lower an objective from a start until it settles, and certify the result, whatever the objective is."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.device.events import Occupied
from bayesunmix.engine.device.layout import place_everywhere, place_maps
from bayesunmix.engine.fits.convergence import until_settled
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, at_rest
from bayesunmix.engine.fits.starts import Start

STATIONARY = 1e-3  # fraction of all counts that one more iteration may move from one component to another


class Objective(NamedTuple):
    """Describe what is lowered.

    Attributes
    ----------
    name : str
    advance : callable (moving, iterations) -> moving
    value : callable (abundances (K, pixels), endmembers (K, C)) -> float
    certificate : callable (abundances, endmembers) -> dict
        Further entries of `info` that say how far a result is from an optimum.
    """

    name: str
    advance: Callable[[Moving, int], Moving]
    value: Callable[[Array, Array], float]
    certificate: Callable[[Array, Array], Info] = lambda abundances, endmembers: Info()


def descend(
    objective: Objective,
    start: Start,
    image: SpectrumImage,
    pixels: Occupied,
    tolerance: float,
    max_iterations: int,
    interrupted: bool = False,
) -> Unmixing:
    """Lower an objective from a start until it settles, and certify the result.

    It has converged if no more than `tolerance` of the objective is left to gain (see
    `bayesunmix.engine.fits.convergence`) and one more iteration moves no more than `STATIONARY` of the counts. If the
    user `interrupted` an earlier stage, the start is the result.
    """
    run = until_settled(
        _placed(start.abundances, start.endmembers),
        objective.advance,
        lambda moving: objective.value(moving.abundances, moving.endmembers),
        tolerance,
        max_iterations,
        objective.name,
        at_rest=lambda moving: _placed(moving.abundances, moving.endmembers),
        interrupted=interrupted,
    )
    reached = run.state.abundances, run.state.endmembers
    stationarity = float(_moved(*reached, objective.advance(_placed(*reached), 1)))
    info: Info = {
        **run.info(objective.name, start.warnings),
        **start.agreement,
        **objective.certificate(*reached),
    }
    info["stationarity"] = stationarity
    if run.converged and stationarity > STATIONARY:
        info["converged"] = False
        info["warnings"] = [
            *info["warnings"],
            f"The {objective.name} has settled, but one more iteration moves {stationarity:.1%} of the counts "
            "between components. Lower the tolerance.",
        ]
    maps, endmembers = map(np.asarray, reached)
    return Unmixing(Factorization(endmembers, pixels.restore(maps, image.n_pixels)), info=info)


def _placed(abundances: np.ndarray | Array, endmembers: np.ndarray | Array) -> Moving:
    """Put a point at rest on the devices where iterating leaves it; elsewhere the code would be compiled again."""
    moving = at_rest(place_maps(abundances), place_everywhere(endmembers))
    return moving._replace(theta=place_everywhere(moving.theta))


@jax.jit
def _moved(abundances: Array, endmembers: Array, later: Moving) -> Array:
    """Return the fraction of the counts that differs between two points, by pixel or by channel."""
    size, scale = later.abundances.sum(1), later.endmembers.sum(1)
    by_pixel = scale @ jnp.abs(later.abundances - abundances).sum(1)
    by_channel = size @ jnp.abs(later.endmembers - endmembers).sum(1)
    return (by_pixel + by_channel) / jnp.maximum(size @ scale, LEAST_ENTRY)

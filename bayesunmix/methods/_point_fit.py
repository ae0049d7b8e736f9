"""Compute the point estimate that a method with error bars starts from, by any registered method."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import affordable_draws
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.threefry import numpy_generator


class DrawnAround(NamedTuple):
    """Hold a point estimate to draw around, how many draws of the maps to keep, and the random numbers to draw with."""

    found: Unmixing
    n_kept: int
    rng: np.random.Generator


def point_fit(
    method: str,
    image: SpectrumImage,
    n_components: int,
    key: jax.Array,
    settings: Mapping[str, Any] | None = None,
) -> Unmixing:
    """Fit with a method by name. The estimate is canonical, the posterior left out.

    Raises
    ------
    ValueError
        If the estimate has negative values, which cannot be expected counts.
    """
    found = METHODS[method](**(settings or {})).fit(image, n_components, key)
    estimate = found.estimate.canonical()
    if not estimate.is_nonnegative:
        raise ValueError(
            f"setting method must name a method without negative values, got {method!r}; 'nmf' is one"
        )
    return replace(found, estimate=estimate, posterior=None, info={**found.info, "point_method": method})


def fit_to_draw_around(
    method: str, image: SpectrumImage, n_components: int, key: jax.Array, n_draws: int, most_mib: float
) -> DrawnAround:
    """Fit with a method by name, and find how many of `n_draws` draws of the maps fit into `most_mib` MiB."""
    fit_key, draw_key = jax.random.split(key)
    found = point_fit(method, image, n_components, fit_key)
    n_kept = affordable_draws(n_draws, found.estimate.abundances.size, most_mib)
    return DrawnAround(found, n_kept, numpy_generator(draw_key))

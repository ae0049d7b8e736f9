"""The point estimate that a method which adds error bars starts from, by any registered method."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax

from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing


def point_fit(
    method: str,
    image: SpectrumImage,
    n_components: int,
    key: jax.Array,
    settings: Mapping[str, Any] | None = None,
) -> Unmixing:
    """Fit with a method by name; the estimate is canonical, the posterior left out.

    Raises
    ------
    ValueError
        If the estimate has negative values, which expect no Poisson counts.
    """
    found = METHODS[method](**(settings or {})).fit(image, n_components, key)
    estimate = found.estimate.canonical()
    if not estimate.is_nonnegative:
        raise ValueError(
            f"setting method must name a method without negative values, got {method!r}; 'nmf' is one"
        )
    return replace(found, estimate=estimate, posterior=None, info={**found.info, "point_method": method})

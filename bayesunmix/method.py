"""The contract of a method, and the registry that `methods/` fills.

A method is a frozen dataclass whose fields are its settings. It sees the image and nothing else, so truth
cannot leak into it. To add one, write one file::

    @METHODS.register("mine")
    @dataclass(frozen=True)
    class Mine:
        tolerance: float = 1e-6

        def fit(self, image, n_components, key):
            return Unmixing(Factorization(endmembers, abundances))
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.posterior import Posterior
from bayesunmix.registry import Registry


@dataclass(frozen=True, eq=False)
class Unmixing:
    """What a method found.

    Parameters
    ----------
    estimate : Factorization
        The point estimate; canonical when it comes from `bayesunmix.unmix`.
    posterior : Posterior or None
        Draws, for methods that have them.
    info : dict
        Statistical success or its absence is data here, never an exception: `converged`, `iterations`,
        `objective` (the trace), `objective_name`, `warnings` (sentences); `unmix` adds the method, its
        settings, the seed, seconds, memory and versions.
    """

    estimate: Factorization
    posterior: Posterior | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    def reorder(self, order: np.ndarray) -> "Unmixing":
        """Return the result with components in the given order."""
        posterior = self.posterior.reorder(order) if self.posterior else None
        return replace(self, estimate=self.estimate.reorder(order), posterior=posterior)


@runtime_checkable
class Method(Protocol):
    """A frozen dataclass of settings with a `fit`."""

    def fit(self, image: SpectrumImage, n_components: int, key: Any) -> Unmixing:
        """Unmix `image` into `n_components`, with the JAX key as the only source of randomness."""
        ...


METHODS: Registry[type[Method]] = Registry("method", "bayesunmix.methods")

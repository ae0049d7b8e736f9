"""What a method found: the estimate, its posterior, and what there is to say about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Grid
from bayesunmix.data.posterior import Posterior


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
        settings, the seed, seconds, memory and versions. A method whose components have names gives them
        as `components`.
    labels : (P,) int array or None
        From methods that give each pixel to one component: its number, or -1 for a pixel given to none.
    grid : Grid or None
        Energies, shape, axes and mask of the image; `unmix` adds them.
    """

    estimate: Factorization
    posterior: Posterior | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    labels: np.ndarray | None = None
    grid: Grid | None = None

    @property
    def component_names(self) -> list[str]:
        """Names that the method gave, or "component 0", "component 1", ..."""
        numbered = [f"component {k}" for k in range(self.estimate.n_components)]
        return list(self.info.get("components", numbered))

    def reorder(self, order: np.ndarray) -> "Unmixing":
        """Return the result with components in the given order."""
        posterior = self.posterior.reorder(order) if self.posterior else None
        info = dict(self.info)
        if "components" in info:
            info["components"] = [info["components"][k] for k in order]
        labels = None if self.labels is None else _renumber(self.labels, order)
        return replace(
            self, estimate=self.estimate.reorder(order), posterior=posterior, info=info, labels=labels
        )


def _renumber(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Labels after component ``order[k]`` has become component k; -1 stays."""
    order = np.asarray(order)
    new = np.full(max(order.max(), labels.max()) + 2, -1)
    new[order] = np.arange(order.size)
    return np.asarray(new[labels])  # -1 reads the last entry, which no component has

"""The contract of an abundance prior, and the registry that `abundance_priors/` fills.

Given the component of every photon, each component has a map of Poisson counts of its own, and a prior says how rates
are drawn from it. A prior is a frozen dataclass without arrays, so that compiled code can be specialised on it; what
it learns on the way (weights, shapes) is a tuple of arrays that is passed back with the next counts.

One that is a mixture over arbitrary choices (where blocks lie) has a method ``renew(key, learned) -> learned`` besides,
which chooses anew. A choice is held for as many sweeps as photons need to follow it: chosen anew in every sweep, it
smooths what was smoothed before. Such draws spread more than their mean errs, so where they belong is measured
(`bayesunmix.engine.sampling.recalibration`).
"""

from typing import Any, Protocol

import jax

from bayesunmix.contracts.registry import Registry


def is_mixture(prior: Any) -> bool:
    """Whether a prior (or an endmember model) makes arbitrary choices, which can be made anew."""
    return hasattr(prior, "renew")


def renewed(prior: Any, key: jax.Array, learned: Any) -> Any:
    """Make the arbitrary choices anew, where there are any."""
    return prior.renew(key, learned) if is_mixture(prior) else learned


class AbundancePrior(Protocol):
    """How rates are drawn, given counts."""

    def start(self, exposure: jax.Array, maps: jax.Array) -> Any:
        """Return what is learned, before anything is: a tree of arrays. The first sweep begins with `maps`."""
        ...

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: Any
    ) -> tuple[jax.Array, Any]:
        """Draw the rates of all cells, and then what is learned.

        Parameters
        ----------
        key : JAX key
        counts : (K, *shape) array
            Photons of each component in each cell.
        exposure : (*shape) array
            1, or 0 for a cell that takes no part.
        learned
            From `start`, or from the draw before.

        Returns
        -------
        rates : (K, *shape) array
            Expected counts; 0 where there is no exposure.
        learned
        """
        ...


ABUNDANCE_PRIORS: Registry[type[AbundancePrior]] = Registry(
    "abundance prior", "bayesunmix.models.abundance_priors"
)

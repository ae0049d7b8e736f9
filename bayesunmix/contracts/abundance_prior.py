"""Define what an abundance prior must do, and the registry that `models/abundance_priors/` fills.

The sampler assigns every photon to a component. Each component then has a map of Poisson counts of its own, and the
prior draws the rates (abundances) of that map. A prior is a frozen dataclass without arrays, so that compiled code can
be specialised on it. What it learns on the way (weights, shapes) is a tuple of arrays that is passed back with the next
counts.

Some priors contain an arbitrary choice, such as where the block grid begins. They implement
``renew(key, learned) -> learned``, which draws a new choice. The sampler keeps each choice for several sweeps; changing
it in every sweep would over-smooth the maps. Draws of such a mixture spread more than their mean errs, so they are
recalibrated on simulated images (`bayesunmix.engine.sampling.recalibration`).
"""

from typing import Any, Protocol

import jax

from bayesunmix.contracts.registry import Registry


def is_mixture(prior: Any) -> bool:
    """Return True if a prior (or an endmember model) contains an arbitrary choice that `renew` draws again."""
    return hasattr(prior, "renew")


def renewed(prior: Any, key: jax.Array, learned: Any) -> Any:
    """Draw the arbitrary choices again, where there are any."""
    return prior.renew(key, learned) if is_mixture(prior) else learned


class AbundancePrior(Protocol):
    """Draw the rates of a map, given its counts."""

    def start(self, exposure: jax.Array, maps: jax.Array) -> Any:
        """Return the initial state of what is learned, a tree of arrays. The first sweep begins with `maps`."""
        ...

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: Any
    ) -> tuple[jax.Array, Any]:
        """Draw the rates of all pixels, then update what is learned.

        Parameters
        ----------
        key : JAX key
        counts : (K, *shape) array
            Photons of each component in each pixel.
        exposure : (*shape) array
            1, or 0 for a masked pixel.
        learned
            What `start` or the previous draw returned.

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

"""Define what an abundance prior must do, and the registry that `models/abundance_priors/` fills.

The sampler assigns every photon to a component. Each component then has a map of Poisson counts of its own, and the
prior draws the rates (abundances) of that map. A prior is a frozen dataclass without arrays, so that compiled code can
be specialised on it. What it learns on the way (weights, shapes) is a tuple of arrays that is passed back with the next
counts.

Some priors compare whole compositions of a pixel. They need its photons and the endmembers, and no assignment. They
implement ``weigh(events, endmembers) -> evidence``, and `draw` gets this evidence in place of counts. The sampler calls
`weigh` once for each draw of the endmembers, and `draw` several times.

Some priors contain an arbitrary choice, such as where the block grid begins. They implement
``renew(key, learned) -> learned``, which draws a new choice. The sampler keeps each choice for several sweeps; changing
it in every sweep would over-smooth the maps. Draws of such a mixture spread more than their mean errs, so they are
recalibrated on simulated images (`bayesunmix.engine.sampling.recalibration`), except where whole compositions are
compared: those have exact zeros, so nothing leaks to components that are not there.
"""

from typing import Any, Protocol, TypeGuard

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

    def draw(self, key: jax.Array, counts: Any, exposure: jax.Array, learned: Any) -> tuple[jax.Array, Any]:
        """Draw the rates of all pixels, then update what is learned.

        Parameters
        ----------
        key : JAX key
        counts : (K, *shape) array
            Photons of each component in each pixel; or what `weigh` returned.
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


class CompositionPrior(AbundancePrior, Protocol):
    """Draw the rates of a map, given what the photons of each pixel say about whole compositions."""

    def weigh(self, events: Any, endmembers: jax.Array) -> Any:
        """Return what `draw` needs to know of the photons, a tree of arrays.

        Parameters
        ----------
        events : bayesunmix.engine.sampling.gibbs.Events
        endmembers : (K, C) array
        """
        ...


def weighs(prior: Any) -> TypeGuard[CompositionPrior]:
    """Return True if a prior compares whole compositions by their photons, instead of drawing from assigned counts."""
    return hasattr(prior, "weigh")


def is_recalibrated(prior: Any) -> bool:
    """Return True if draws under a prior are recalibrated on simulated images."""
    return is_mixture(prior) and not weighs(prior)


ABUNDANCE_PRIORS: Registry[type[AbundancePrior]] = Registry(
    "abundance prior", "bayesunmix.models.abundance_priors"
)

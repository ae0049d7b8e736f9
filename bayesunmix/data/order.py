"""Put components in the order of their share of the counts, the largest first.

A fit numbers its components by chance: the next seed gives another order. Sorted ones keep their number, and their
colour in a picture, from run to run.
"""

from dataclasses import replace

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing


def sorted_in_place(found: Unmixing) -> Unmixing:
    """Sort the components by their share of the counts. Draws are sorted in place, because they may be large.

    Components with an order of their own keep it: those with names or with given spectra (the order of the user), and
    signed ones (PCA: explained variance; ICA: size).

    Parameters
    ----------
    found : Unmixing
        Its estimate is canonical.
    """
    has_own_order = any(found.known) or not found.estimate.is_nonnegative or not are_numbered(found.names)
    order = by_share(found.estimate)
    if has_own_order or (order == np.arange(order.size)).all():
        return found
    # Numbers are not names of their own: the largest component becomes number 0.
    reordered = replace(found, posterior=None).reorder(order)
    posterior = None if found.posterior is None else _draws_in_place(found.posterior, order)
    return replace(reordered, names=found.names, posterior=posterior)


def by_share(estimate: Factorization) -> np.ndarray:
    """Return the order of components by their share of the counts, the largest first, (K,) int.

    Of equal ones the one whose spectrum lies at lower channels comes first, so that chance decides nothing.
    """
    size = np.abs(estimate.endmembers).sum(axis=1)
    centre = np.abs(estimate.endmembers) @ np.arange(estimate.endmembers.shape[1]) / np.maximum(size, 1e-300)
    share = np.abs(estimate.abundances).sum(axis=0) * size
    return np.lexsort((centre, -np.round(share / max(share.sum(), 1e-300), 9)))  # without the last digits


def are_numbered(names: tuple[str, ...]) -> bool:
    """Return True if components have numbers for names: "component 0", "component 1", ..."""
    return names == tuple(f"component {k}" for k in range(len(names)))


def _draws_in_place(posterior: Posterior, order: np.ndarray) -> Posterior:
    """Reorder draws; those of the maps may fit the memory only once."""
    draws = np.require(posterior.abundances, requirements="W")
    for chain in draws:
        for maps in chain:
            maps[:] = maps[:, order]
    small = replace(posterior, abundances=draws[:, :0], partners=None).reorder(order)
    return replace(small, abundances=draws, partners=posterior.partners)

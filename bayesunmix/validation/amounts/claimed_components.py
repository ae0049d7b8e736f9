"""Find out which component of a result each claimed phase is: the one that most of its photons belong to.

Names are arbitrary, so phases get components one to one, with as many photons as possible under their own name. A phase
that has hardly any of the component that is left for it has none of its own: the result does not tell it from another
phase. If it is mostly one component, it is taken to be that, as another phase is too.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

LEAST_SHARE = 0.1  # of a phase's counts, for a component to be its own
LEAST_SIGMAS = 3.0
MAJORITY = 0.5  # of a phase's counts, for it to be what another phase is
NONE = -1


class Matched(NamedTuple):
    """Hold which component each phase is.

    Attributes
    ----------
    component : (K,) int array
        -1 for a phase that is no component for certain.
    is_own : (K,) bool array
        False for a phase without a component of its own; it may be what another phase is.
    claimed_by : (M,) int array
        Phase of each component; -1 for one that no phase claims.
    """

    component: np.ndarray
    is_own: np.ndarray
    claimed_by: np.ndarray


def matched(shares: np.ndarray, errors: np.ndarray, counts: np.ndarray) -> Matched:
    """Give each phase a component, one to one, so that as many photons as possible are under their own name.

    Parameters
    ----------
    shares, errors : (K, M) arrays
        Shares of the components in the counts of each phase, and their standard deviations; NaN for a phase without
        photons.
    counts : (K,) array
        Photons of each phase.
    """
    component = np.full(shares.shape[0], NONE)
    claimed_by = np.full(shares.shape[1], NONE)
    rows, columns = linear_sum_assignment(-counts[:, None] * np.nan_to_num(np.clip(shares, 0, 1)))
    for phase, k in zip(rows, columns, strict=True):
        if shares[phase, k] > max(LEAST_SHARE, LEAST_SIGMAS * errors[phase, k]):
            component[phase], claimed_by[k] = k, phase
    is_own = component != NONE
    for phase in np.flatnonzero(~is_own & ~np.isnan(shares).any(axis=1)):
        most = int(np.argmax(shares[phase]))
        if shares[phase, most] - LEAST_SIGMAS * errors[phase, most] > MAJORITY:
            component[phase] = most
    return Matched(component, is_own, claimed_by)

r"""Draw the net counts of the line families in components and in regions, from the posterior.

The net counts of family j in a component are :math:`n_k s_{kj}`: its photons times the share of each endmember draw
(`bayesunmix.analysis.family_shares`). What a region holds is :math:`\sum_k a_k s_{kj}` with the joint draws of
`bayesunmix.analysis.regions`. Another solution T E of the same counts has the shares T s; it changes what a component
is made of, and not what a region is made of.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.analysis.family_shares import FamilyFit, evenly_spaced, family_shares
from bayesunmix.analysis.regions import region_totals
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.quantification.line_choice import Choice

_N_COUNTING = 200  # spectra that are drawn to find the error of counting


class NetDraws(NamedTuple):
    """Hold draws of net counts of E families.

    Attributes
    ----------
    draws : (D, E) array
    under : (R, D, E) array
        The draws under each other solution that fits as well; the draws themselves where nothing else can change them.
    own : (R, E) array
        The mean under each.
    estimate : (E,) array
        The mean of the estimate's own.
    counting : (n, E) array or (D, 2, n, E) array
        Draws that scatter by counting alone; or draws to be split by the law of total variance.
    is_known : bool
        True where no other solution exists.
    n_counts : float
        All counts, continuum included.
    """

    draws: np.ndarray
    under: np.ndarray
    own: np.ndarray
    estimate: np.ndarray
    counting: np.ndarray
    is_known: bool
    n_counts: float


def component_draws(
    result: Unmixing,
    posterior: Posterior,
    image: SpectrumImage,
    choice: Choice,
    rotations: np.ndarray,
    seed: int,
) -> list[NetDraws]:
    """Draw the net counts in the spectrum of each component."""
    energy_kev = image.energy_kev[choice.first :]
    mean = posterior.mean()
    photons = np.asarray(mean.abundances.sum(axis=0), np.float64)
    drawn = evenly_spaced(posterior.endmembers)[:, :, choice.first :]
    places = choice.places
    shares = family_shares(choice.model, energy_kev, drawn, photons)[:, :, places]
    of_mean = family_shares(choice.model, energy_kev, mean.endmembers[None, :, choice.first :], photons)[0][
        :, places
    ]
    known = np.array(result.known) | np.array(result.unique)
    rng = np.random.default_rng(seed)
    found = []
    for k, size in enumerate(np.maximum(photons, 1.0)):
        expected = size * mean.endmembers[k, choice.first :]
        fit = FamilyFit(choice.model, energy_kev, expected)
        noisy = rng.poisson(np.maximum(expected, 0), (_N_COUNTING, expected.size)).astype(np.float64)
        rows = rotations[:, k]
        found.append(
            NetDraws(
                size * shares[:, k],
                size * np.maximum(np.einsum("rk,dkj->rdj", rows, shares), 0),
                size * np.maximum(rows @ of_mean, 0),
                size * of_mean[k],
                fit(noisy)[:, places],
                bool(known.all()),
                float(photons[k]),
            )
        )
    return found


def region_draws(
    result: Unmixing, image: SpectrumImage, choice: Choice, mask: np.ndarray, seed: int
) -> NetDraws:
    """Draw the net counts in a region."""
    endmembers, totals = region_totals(result, image, mask, np.random.default_rng(seed))
    energy_kev = image.energy_kev[choice.first :]
    photons = totals.mean(axis=(0, 1, 2))
    shares = family_shares(choice.model, energy_kev, endmembers[:, :, choice.first :], photons)
    net = np.einsum("dcnk,dkj->dcnj", totals, shares[:, :, choice.places])
    flat = net.reshape(-1, net.shape[-1])
    mean = flat.mean(axis=0)
    known = np.array(result.known) | np.array(result.unique)
    n_counts = float(image.counts[mask.ravel()].sum(dtype=np.int64))
    return NetDraws(flat, flat[None], mean[None], mean, net, bool(known.all()), n_counts)

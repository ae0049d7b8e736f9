"""Gather the spectra that a result has: their mean, their draws, and those of the other solutions that fit as well.

All three are only spectra to the tests of a claim, on groups of channels. None of them comes from the claim: spectra
that are summed over its phases would make it look right. Components whose spectra are too alike to be told apart are
taken together, and what is said of them holds for their sum.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesunmix.analysis.identification import identify, recalled
from bayesunmix.contracts.arguments import require_posterior, require_result_of
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.amounts.photon_weights import photon_weights

N_GROUPS = 60
MOST_DRAWS = 200
ELSEWHERE = 0.05  # share of the whole map in the spectrum that weights are made for: nothing is unexpected
TOLD_APART = 1e4  # largest condition of the weights


@dataclass(frozen=True, eq=False)
class Solutions:
    """Hold spectra on groups of channels, each of which sums to one.

    Parameters
    ----------
    group_of_channel : (C,) int array
    mean : (M, G) array
        Spectra of the components, or of groups of components that are taken together.
    draws : (D, M, G) array
        Draws from the posterior; none where all spectra are known.
    others : (n, M, G) array
        Spectra of other solutions that fit as well.
    amounts : (P, M) array
        What the fit expects in each pixel, in counts.
    members : tuple of tuples of int
        Components of the result that each spectrum stands for.
    names : tuple of str
    surely : (M,) bool array
        Whether a spectrum is given, or no other can be mixed into it.
    differences : (K, G) array
        Of the spectra from what they are taken for: zero for those that stand alone.
    """

    group_of_channel: np.ndarray
    mean: np.ndarray
    draws: np.ndarray
    others: np.ndarray
    amounts: np.ndarray
    members: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    surely: np.ndarray
    differences: np.ndarray

    @property
    def is_merged(self) -> np.ndarray:
        """Return True for the spectra that stand for several components, (M,)."""
        return np.array([len(some) > 1 for some in self.members])

    def weights_for(self, mask: np.ndarray) -> np.ndarray:
        """Return what a photon of each group adds to each spectrum, (M, G): best for what the fit expects in a mask."""
        overall = self.amounts.sum(axis=0)
        amounts = self.amounts[mask.ravel()].sum(axis=0)
        expected = amounts / max(amounts.sum(), 1e-9) + ELSEWHERE * overall / max(overall.sum(), 1e-9)
        return photon_weights(self.mean, expected @ self.mean).values

    def grouped(self, image: SpectrumImage) -> sparse.csr_array:
        """Return the counts of the image in groups of channels, a sparse (P, G) array."""
        return sparse.csr_array(image.counts.astype(np.float64) @ summing_matrix(self.group_of_channel).T)


def solutions_of(result: Unmixing, image: SpectrumImage) -> Solutions:
    """Gather the spectra of a result.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior, or one whose spectra are all known.
    image : SpectrumImage
        The image that was unmixed.

    Raises
    ------
    TypeError, ValueError
        If the result is not of this image, or has no posterior though its spectra are not known.
    """
    require_result_of(result, image)
    groups = groups_by_counts(image.sum_spectrum(), N_GROUPS)
    by_group = summing_matrix(groups).toarray()
    mean, amounts = result.estimate.endmembers.astype(np.float64), result.estimate.abundances
    if all(result.known):
        draws = np.empty((0, *mean.shape))
        rotations = np.eye(len(mean))[None]
    else:
        every = require_posterior(result, "how much of a map is not what its label says").endmembers
        flat = every.reshape(-1, *every.shape[2:])
        n_draws = min(MOST_DRAWS, len(flat))
        draws = flat[np.arange(n_draws) * len(flat) // n_draws].astype(np.float64)
        mean = flat.mean(axis=0, dtype=np.float64)
        rotations = (recalled(result, image) or identify(result, image)).rotations
    spectra, of_draws, of_others = (
        _normalised(some @ by_group.T) for some in (mean, draws, rotations @ mean)
    )
    members = _taken_together(spectra, amounts)
    merging = np.zeros((len(members), len(mean)))
    for row, some in enumerate(members):
        weight = amounts[:, some].sum(axis=0) + 1e-9
        merging[row, some] = weight / weight.sum()
    is_sure = np.array(result.known) | np.array(result.unique)
    differences = spectra - (merging > 0).T @ (merging @ spectra)
    return Solutions(
        groups,
        merging @ spectra,
        merging @ of_draws,
        merging @ of_others,
        np.asarray(amounts @ (merging > 0).T, np.float64),
        members,
        tuple(" + ".join(result.names[k] for k in some) for some in members),
        np.array([is_sure[list(some)].all() for some in members]),
        differences,
    )


def _normalised(spectra: np.ndarray) -> np.ndarray:
    return np.asarray(spectra / np.maximum(spectra.sum(axis=-1, keepdims=True), 1e-300))


def _taken_together(spectra: np.ndarray, amounts: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Join the two components whose union helps most, until the others can be told apart."""
    members: list[tuple[int, ...]] = [(k,) for k in range(len(spectra))]
    size = amounts.sum(axis=0) + 1e-9
    while len(members) > 1 and _condition(spectra, members, size) > TOLD_APART:
        pairs = [(a, b) for b in range(len(members)) for a in range(b)]
        joined = [_joined(members, *pair) for pair in pairs]
        members = min(joined, key=lambda some: _condition(spectra, some, size))
    return tuple(members)


def _joined(members: list[tuple[int, ...]], a: int, b: int) -> list[tuple[int, ...]]:
    rest = [some for k, some in enumerate(members) if k not in (a, b)]
    return sorted([*rest, tuple(sorted(members[a] + members[b]))])


def _condition(spectra: np.ndarray, members: list[tuple[int, ...]], size: np.ndarray) -> float:
    rows = np.array([np.average(spectra[list(some)], axis=0, weights=size[list(some)]) for some in members])
    return photon_weights(rows, size @ spectra).condition

r"""Draw abundances, and endmembers with them, from the covariance that counting noise gives them.

*Given the endmembers*, every pixel has its own K x K information F (see `bayesunmix.engine.fits.poisson_fit`).

*Jointly*, the information of all abundances and endmembers has the shape of an arrow: a block :math:`F_p` for each
pixel, a block for the endmembers, and a border :math:`B_p`. With :math:`\mu = A E`,

.. math:: F_p = \sum_c \frac{e_c e_c^T}{\mu_{pc}}, \quad (B_p)_{k,lc} = \frac{e_{kc} a_{pl}}{\mu_{pc}}, \quad
   S = \Big(\delta_{cd} \sum_p \frac{a_{pk} a_{pl}}{\mu_{pc}}\Big)_{kc,ld} - \sum_p B_p^T F_p^{-1} B_p .

The inverse of the Schur complement S is the covariance of the endmembers. Given them, the abundances move by
:math:`-F_p^{-1} B_p \, dE` and scatter with :math:`F_p^{-1}`.

S has K(K - 1) directions without information, because A T and :math:`T^{-1} E` fit as well. In a fit, only
non-negativity stops them. If the log-likelihood falls with slope g as an entry at zero grows, the entry is distributed
like :math:`e^{-g a}`, with variance :math:`1 / g^2`, and :math:`g^2` is added to its information.

Half a count of the mean composition is added to every pixel and to every channel first, because an estimate of 0 has an
error too. Normal deviates become Gamma variates of the same mean and variance, rank by rank, so that no draw is
negative and correlations stay. With one component the abundances are Gamma(counts + 1/2), the posterior under Jeffreys'
prior.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, lapack
from scipy.special import gammaincinv, ndtr

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.engine.fits.poisson_fit import information, with_half_a_count
from bayesunmix.running.progress import track

MOST_ENDMEMBER_VALUES = 8192  # K C: the matrix S then takes 512 MiB
BORDER_ENTRIES = 2**20  # entries of the border at a time: 8 MiB
INFORMATION_RIDGE = 1e-10  # added to a unit diagonal, for endmembers that cannot be distinguished
SUM_WEIGHT = 1e3  # times the counts of an endmember: information that fixes its sum at one
LEAST_DIVISOR = 1e-300  # keeps quotients finite


class Joint(NamedTuple):
    """Hold the joint information, factorised.

    Attributes
    ----------
    endmembers, abundances : (K, C), (P, K) arrays
        The point where it was taken: half a count of the mean composition added to every channel and pixel.
    pixel_root : (P, K, K) array
        Inverse of the lower Cholesky factor of each pixel's information.
    schur_root : (K C, K C) array
        The same of S, endmember after endmember.
    """

    endmembers: np.ndarray
    abundances: np.ndarray
    pixel_root: np.ndarray
    schur_root: np.ndarray


def require_dense(n_components: int, n_channels: int) -> None:
    """Raise `ValueError` if K x C is more than `MOST_ENDMEMBER_VALUES`."""
    if n_components * n_channels > MOST_ENDMEMBER_VALUES:
        raise ValueError(
            f"the joint information of {n_components} endmembers of {n_channels} channels is a dense matrix of "
            f"{n_components * n_channels} rows, and at most {MOST_ENDMEMBER_VALUES} are supported; crop the axis or "
            "sum channels (image.rebin(energy=2)), or use fisher_conditional or bootstrap"
        )


def abundance_draws(estimate: Factorization, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw abundances of a canonical, non-negative estimate, its endmembers taken as known: (n_draws, P, K)."""
    mean = with_half_a_count(estimate.endmembers, estimate.abundances)
    root = np.empty((*mean.shape, mean.shape[1]))
    for rows, matrices in information(estimate.endmembers, mean):
        root[rows] = _inverse_root(matrices)
    sd = np.sqrt((root**2).sum(axis=1))
    most = 1 + mean.sum(axis=1, keepdims=True)
    draws = np.empty((n_draws, *mean.shape), np.float32)
    for draw in track(draws, "abundance draws", n_draws):
        deviation = np.einsum("plk,pl->pk", root, rng.standard_normal(mean.shape))
        draw[...] = _to_gamma(deviation, sd, mean, most)
    return draws


def joint_draws(
    image: SpectrumImage, estimate: Factorization, n_draws: int, n_kept: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw both factors of a canonical, non-negative estimate.

    Returns
    -------
    endmembers : (n_draws, K, C) float32 array
    abundances : (n_kept, P, K) float32 array
        Each goes with the endmembers of the same number; 0 in masked pixels.
    """
    if image.mask is not None:  # the half a count of a pixel is information about the endmembers
        part = image.takes_part
        few = trusted_image(image.counts[part], image.spectral_axis)
        cut = Factorization(estimate.endmembers, estimate.abundances[part])
        abundances = np.zeros((n_kept, *estimate.abundances.shape), np.float32)
        endmembers, abundances[:, part] = joint_draws(few, cut, n_draws, n_kept, rng)
        return endmembers, abundances
    joint = joint_information(image, estimate)
    shape = joint.endmembers.shape
    moved = rng.standard_normal((n_draws, joint.schur_root.shape[0])) @ joint.schur_root
    sd = np.sqrt((joint.schur_root**2).sum(axis=0)).reshape(shape)
    endmembers = _to_gamma(moved.reshape(-1, *shape), sd, joint.endmembers, np.ones((shape[0], 1)))
    total = endmembers.sum(axis=-1, keepdims=True)
    endmembers = np.where(total > 0, endmembers / np.maximum(total, LEAST_DIVISOR), joint.endmembers)
    abundances = np.empty((n_kept, *joint.abundances.shape), np.float32)
    for rows, follows in abundance_responses(joint, moved[:n_kept]):
        mean, root = joint.abundances[rows], joint.pixel_root[rows]
        most = 1 + mean.sum(axis=1, keepdims=True)
        scatter = np.einsum("plk,dpl->dpk", root, rng.standard_normal(follows.shape))
        spread = np.sqrt((root**2).sum(axis=1) + (follows**2).mean(axis=0))
        abundances[:, rows] = _to_gamma(follows + scatter, spread, mean, most)
    return endmembers.astype(np.float32), abundances


def joint_information(image: SpectrumImage, estimate: Factorization) -> Joint:
    """Sum the joint information over blocks of pixels, and factorise it: P K (K C)^2 / 2 multiplications."""
    n_components, n_channels = estimate.endmembers.shape
    totals = estimate.abundances.sum(axis=0)
    abundances = with_half_a_count(estimate.endmembers, estimate.abundances)
    endmembers = estimate.endmembers + 0.5 / totals.sum()
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    pixel_slope, channel_slope = _slopes_at_zero(image, estimate)

    root = np.empty((*abundances.shape, n_components))
    diagonal = np.arange(n_components)
    for rows, matrices in information(endmembers, abundances):
        matrices[:, diagonal, diagonal] += pixel_slope[rows] ** 2
        root[rows] = _inverse_root(matrices)
    joint = Joint(endmembers, abundances, root, np.empty(0))
    schur = np.zeros((n_components * n_channels,) * 2, order="F")
    own = np.zeros((n_components, n_components, n_channels))
    for rows, border in _borders(joint):
        scaled = abundances[rows, :, None] * abundances[rows, None]
        own += np.einsum("pkl,pc->klc", scaled, 1 / (abundances[rows] @ endmembers), optimize=True)
        flat = border.reshape(-1, schur.shape[0])
        schur = blas.dsyrk(-1.0, flat.T, 1.0, schur, lower=1, overwrite_c=1)
    for k in range(n_components):
        part = slice(k * n_channels, (k + 1) * n_channels)
        schur[part, part] += SUM_WEIGHT * max(totals[k], 1)
        for j in range(n_components):
            schur[part, j * n_channels : (j + 1) * n_channels][np.diag_indices(n_channels)] += own[k, j]
    schur[np.diag_indices(len(schur))] += channel_slope.ravel() ** 2
    return joint._replace(schur_root=_inverse_root_in_place(schur))


def abundance_responses(joint: Joint, moved: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (rows, (D, B, K) change of their abundances) that follows from moving the endmembers by (D, K C)."""
    for rows, border in _borders(joint):
        n_pixels, n_components = border.shape[:2]
        whitened = border.reshape(n_pixels * n_components, -1) @ moved.T
        whitened = whitened.reshape(n_pixels, n_components, -1)
        yield rows, -np.einsum("plk,pld->dpk", joint.pixel_root[rows], whitened)


def _borders(joint: Joint) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (rows, (B, K, K, C) border of these pixels times their root)."""
    n_components, n_channels = joint.endmembers.shape
    step = max(BORDER_ENTRIES // (n_components**2 * n_channels), 1)
    for start in track(range(0, len(joint.abundances), step), "joint information"):
        rows = slice(start, start + step)
        abundances = joint.abundances[rows]
        shares = joint.endmembers / (abundances @ joint.endmembers)[:, None]
        yield rows, (joint.pixel_root[rows] @ shares)[:, :, None] * abundances[:, None, :, None]


def _slopes_at_zero(image: SpectrumImage, estimate: Factorization) -> tuple[np.ndarray, np.ndarray]:
    """Return how fast the log-likelihood falls as an entry grows, (P, K) and (K, C); 0 where the entry is free."""
    counts = image.counts.astype(np.float64).tocoo()
    abundances, endmembers = estimate.abundances, estimate.endmembers
    rate = sum(abundances[counts.row, k] * endmembers[k, counts.col] for k in range(len(endmembers)))
    counts.data = np.where(rate > 0, counts.data / np.maximum(rate, LEAST_DIVISOR), 0)
    ratio = counts.tocsr()
    by_pixel = 1 - ratio @ endmembers.T
    by_channel = abundances.sum(axis=0)[:, None] - (ratio.T @ abundances).T
    return np.maximum(by_pixel, 0), np.maximum(by_channel, 0)


def _to_gamma(deviation: np.ndarray, sd: np.ndarray, mean: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Turn normal deviations into Gamma variates of this mean and standard deviation, which is at most `most`."""
    spread = np.minimum(sd, most)
    shape = (mean / np.maximum(spread, LEAST_DIVISOR)) ** 2
    quantile = gammaincinv(np.maximum(shape, LEAST_DIVISOR), ndtr(deviation / np.maximum(sd, LEAST_DIVISOR)))
    return np.where(mean > 0, quantile * spread**2 / np.maximum(mean, LEAST_DIVISOR), 0)


def _inverse_root(matrices: np.ndarray) -> np.ndarray:
    """Return the inverse of the lower Cholesky factor of each (K, K) matrix."""
    diagonal = np.einsum("pkk->pk", matrices)
    scale = 1 / np.sqrt(np.maximum(diagonal, 1e-30))
    unit = matrices * scale[:, :, None] * scale[:, None] + INFORMATION_RIDGE * np.eye(matrices.shape[1])
    return np.linalg.inv(np.linalg.cholesky(unit)) * scale[:, None]


def _inverse_root_in_place(matrix: np.ndarray) -> np.ndarray:
    """Return the same for one large matrix, whose lower triangle is read and overwritten."""
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    matrix *= scale[:, None]
    matrix *= scale
    matrix[np.diag_indices(len(matrix))] += INFORMATION_RIDGE
    root, failed = lapack.dpotrf(matrix, lower=1, clean=1, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError("the joint information is not positive definite")
    inverse, _ = lapack.dtrtri(root, lower=1, overwrite_c=1)
    return inverse * scale

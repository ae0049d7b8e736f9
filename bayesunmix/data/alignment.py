"""Match components by their spectra, and give chains the same numbering (label switching).

Components are matched once, and spectra, maps and draws follow by the same permutation. Matching spectra and maps
separately would let a method score well with two different numberings. The match minimises the summed spectral angle
(Kuhn 1955, the Hungarian method).
"""

from dataclasses import replace

import numpy as np

from bayesunmix.data.posterior import Posterior


def spectral_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the angle in degrees between every row of `a` (K, C) and every row of `b` (J, C), (K, J).

    The angle follows from the distance of the unit vectors, which is exact for small angles too. A spectrum of zeros
    has no direction; its angle to every other one is 90 degrees.

    Raises
    ------
    ValueError
        If one of the two is not 2-D, or if their channels differ.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> bu.spectral_angles([[1, 0, 0]], [[1, 0, 0], [1, 1, 0]]).round(1)
    array([[ 0., 45.]])
    """
    a, b = (np.asarray(spectra, dtype=np.float64) for spectra in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"spectra must be (K, C) and (J, C) with the same channels, got {a.shape} and {b.shape}; "
            "for one spectrum, pass spectrum[None, :]"
        )
    chord = np.linalg.norm(_unit(a)[:, None] - _unit(b)[None], axis=2)
    silent = np.logical_or.outer(*(~np.any(spectra, axis=1) for spectra in (a, b)))
    return np.where(silent, 90.0, np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1))))


def match(reference: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    """Find the order of `endmembers` (J, C) that matches them with `reference` (K, C).

    Returns
    -------
    order : (J,) int array
        ``endmembers[order[k]]`` belongs to ``reference[k]``. Endmembers without a partner come last. With fewer
        endmembers than references, they are in the order of the references that have a partner.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> truth = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    >>> found = np.array([[0, 0.9, 0.1], [0.8, 0.1, 0.1]])
    >>> bu.match(truth, found)
    array([1, 0])
    """
    from scipy.optimize import linear_sum_assignment  # half of the import time of this package

    rows, columns = linear_sum_assignment(spectral_angles(reference, endmembers))
    paired = columns[np.argsort(rows)]
    return np.concatenate([paired, np.setdiff1d(np.arange(len(endmembers)), paired)]).astype(int)


def relabel_chains(posterior: Posterior) -> tuple[Posterior, int]:
    """Give the components of every chain the order of the first chain, by the mean endmembers (label switching).

    Returns
    -------
    posterior : Posterior
    n_relabelled : int
        Number of chains whose numbering differed.
    """
    means = posterior.endmembers.mean(axis=1)
    orders = [match(means[0], mean) for mean in means]
    endmembers = np.stack([e[:, o] for e, o in zip(posterior.endmembers, orders, strict=True)])
    abundances = np.stack([a[..., o] for a, o in zip(posterior.abundances, orders, strict=True)])
    changed = sum(bool((o != np.arange(len(o))).any()) for o in orders)
    # Moments were summed over chains that were numbered differently: they are left out.
    relabelled = replace(
        posterior, endmembers=endmembers, abundances=abundances, abundance_mean=None, abundance_sd=None
    )
    return relabelled, changed


def _unit(spectra: np.ndarray) -> np.ndarray:
    # To a largest value of one first: the squares of very small or large numbers leave the range of floats.
    spectra = spectra / np.maximum(np.abs(spectra).max(axis=1, keepdims=True), 1e-300)
    return spectra / np.maximum(np.linalg.norm(spectra, axis=1, keepdims=True), 1e-300)

"""Repeat what the NIST short course (Taillon, 2022) did with its tilt series, on the phantom: PCA, scree, BSS, NMF.

Phantoms know no method. Only this file calls the library's public function `unmix`, because its purpose is the
comparison with published results of three methods. Only the command `figures` imports it.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.data.alignment import match
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.spectra import RESPONSES
from simulations.acquisition import Acquisition
from simulations.phantom import PHANTOMS
from simulations.trial import Trial, acquire

#: Mean counts per pixel of the specimen in the short course.
DOSE = 28.3
#: Assumptions, which the short course does not state: electrons for a clean HAADF image, a probe of 2 nm.
ACQUISITION = Acquisition(probe_nm=2.0, haadf_electrons=20_000)
_N_SCREE = 30


class ShortCourse(NamedTuple):
    """Hold a trial of the needle and its factorisations.

    Parameters
    ----------
    trial : Trial
    counts : (Y, X, C) array
        Counts of the tilt that is shown, which is the first.
    scree : (30,) array
        Fraction of the variance of each principal component of the whole series.
    pca, bss, nmf : Factorization
        Factorisations of the whole series, with the abundances of the shown tilt. As in HyperSpy, maps have unit norm.
        PCA is in its own order, with Si and then Ni positive; the others are in the order of the phantom's labels.
    """

    trial: Trial
    counts: np.ndarray
    scree: np.ndarray
    pca: Factorization
    bss: Factorization
    nmf: Factorization


def reproduce(tilts: int, dose: float = DOSE, seed: int = 0) -> ShortCourse:
    """Acquire the needle with a realistic detector, and unmix it.

    Parameters
    ----------
    tilts : int
        Number of tilts over a full turn; 73 in the short course.
    dose : float
        Mean counts per pixel of the specimen.
    seed : int
    """
    from bayesunmix import unmix

    turn = {"step_deg": 360 / (tilts - 1)} if tilts > 1 else {}
    needle = PHANTOMS["nicr_needle"](tilts, **turn, detector=RESPONSES["realistic"])
    trial = acquire(needle, dose, seed, ACQUISITION)
    # None of the three methods uses pixels without counts, and most have none.
    occupied = np.flatnonzero(np.diff(trial.image.counts.indptr))
    image = SpectrumImage(trial.image.counts[occupied], trial.image.energy_kev)
    pca = unmix(image, _N_SCREE, "pca", scaling="keenan_kotula")
    bss, nmf = (unmix(image, 3, method, seed=seed) for method in ("ica", "nmf"))
    truth, shape = needle.truth.endmembers, trial.image.shape[-3:]
    peaks, n_shown = truth.argmax(axis=1), shape[0] * shape[1]
    principal = Factorization(pca.estimate.endmembers[:3], pca.estimate.abundances[:, :3])
    # Of the principal components, the first is the mean, the second positive in Si, the third in Ni.
    fits = [(principal, peaks[[1, 0, 2]])]
    fits += [(found.estimate.reorder(match(truth, found.estimate.endmembers)), peaks) for found in (bss, nmf)]
    return ShortCourse(
        trial,
        trial.image.counts[:n_shown].toarray().reshape(shape),
        np.array(pca.info["explained_variance_ratio"]),
        *(_shown(found, occupied, n_shown, positive) for found, positive in fits),
    )


def _shown(estimate: Factorization, occupied: np.ndarray, n_shown: int, peaks: np.ndarray) -> Factorization:
    """Return the first `n_shown` pixels, with maps of unit norm and endmembers positive at these channels."""
    sign = np.sign(estimate.endmembers[np.arange(3), peaks])
    maps = np.zeros((n_shown, 3))
    here = occupied[occupied < n_shown]
    maps[here] = estimate.abundances[: here.size] * sign
    norm = np.linalg.norm(maps, axis=0)
    return Factorization(estimate.endmembers * (sign * norm)[:, None], maps / norm)

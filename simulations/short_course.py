"""What the talk on SRM 2135c did with its tilt series, done with the phantom: PCA, scree, BSS, NMF.

Phantoms know no method. This one file asks the library's public entry, `unmix`, because its purpose is the comparison
with published results of three methods; it is imported by the command `figures` alone.
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

#: Mean counts per pixel of the specimen in the talk.
DOSE = 28.3
#: An assumption, as is all that the talk does not state: enough electrons for a clean HAADF image, a probe of 2 nm.
ACQUISITION = Acquisition(probe_nm=2.0, haadf_electrons=20_000)
_N_SCREE = 30


class ShortCourse(NamedTuple):
    """A trial of the needle and its factorisations.

    Parameters
    ----------
    trial : Trial
    counts : (Y, X, C) array
        The tilt that is shown, which is the first.
    scree : (30,) array
        Share of the variance of each principal component of the whole series.
    pca, bss, nmf : Factorization
        Of the whole series, with the abundances of the shown tilt. As in HyperSpy, its maps have unit norm. PCA in its
        own order, with Si and then Ni positive; the others in the order of the phantom's labels.
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
        Spread over a full turn; 73 in the talk.
    dose : float
        Mean counts per pixel of the specimen.
    seed : int
    """
    from bayesunmix import unmix

    turn = {"step_deg": 360 / (tilts - 1)} if tilts > 1 else {}
    needle = PHANTOMS["nicr_needle"](tilts, **turn, detector=RESPONSES["realistic"])
    trial = acquire(needle, dose, seed, ACQUISITION)
    # Pixels without a count take no part in any of the three, and are most of them.
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

"""What the talk on SRM 2135c did with its tilt series, done with the phantom: PCA, scree, BSS, NMF.

Phantoms know no method. This one file asks the library's public entry, `unmix`, because its purpose is the comparison
with published results of three methods; it is imported by the command `figures` alone.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.alignment import match
from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.spectra import RESPONSES
from simulations.acquisition import Acquisition
from simulations.phantom import PHANTOMS, Trial

#: Mean counts per pixel of the specimen in the talk.
DOSE = 28.3
#: An assumption, as is all that the talk does not state: enough electrons for a clean HAADF image, a probe of 2 nm.
ACQUISITION = Acquisition(probe_nm=2.0, haadf_electrons=20_000)
_N_SCREE = 30


class Talk(NamedTuple):
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


def reproduce(tilts: int, dose: float = DOSE, seed: int = 0) -> Talk:
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
    trial = needle.acquire(dose, seed, ACQUISITION)
    # Pixels without a count take no part in any of the three, and are most of them.
    occupied = np.flatnonzero(np.diff(trial.image.counts.indptr))
    image = SpectrumImage(trial.image.counts[occupied], trial.image.energy_kev)
    pca, bss, nmf = (
        unmix(image, n, method, seed=seed) for method, n in (("pca", _N_SCREE), ("ica", 3), ("nmf", 3))
    )
    shape = trial.image.shape[-3:]
    n_shown = shape[0] * shape[1]

    def shown(estimate: Factorization, order: np.ndarray, signs: np.ndarray) -> Factorization:
        maps = np.zeros((n_shown, 3))
        here = occupied < n_shown
        maps[occupied[here]] = (estimate.abundances[: here.sum()] * signs)[:, order]
        norm = np.linalg.norm(maps, axis=0)
        endmembers = (estimate.endmembers * signs[:, None])[order]
        return Factorization(endmembers * norm[:, None], maps / norm)

    first = Factorization(pca.estimate.endmembers[:3], pca.estimate.abundances[:, :3])
    peaks = needle.truth.endmembers.argmax(axis=1)
    positive = np.sign(
        [first.endmembers[0].sum(), first.endmembers[1, peaks[0]], first.endmembers[2, peaks[2]]]
    )
    return Talk(
        trial,
        trial.image.counts[:n_shown].toarray().reshape(shape),
        np.array(pca.info["explained_variance_ratio"]),
        shown(first, np.arange(3), positive),
        *(
            shown(
                found.estimate,
                match(needle.truth.endmembers, found.estimate.endmembers),
                _upright(found.estimate),
            )
            for found in (bss, nmf)
        ),
    )


def _upright(estimate: Factorization) -> np.ndarray:
    """Sign that makes the tallest peak of each endmember positive, (K,)."""
    tallest = np.abs(estimate.endmembers).argmax(axis=1)
    return np.sign(estimate.endmembers[np.arange(len(tallest)), tallest])

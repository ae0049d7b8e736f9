"""Measure the error of the maps of net counts of the phantom's line families, relative to their mean.

Net counts are what a microscopist reads off a spectrum: counts of a family of lines without the continuum and the
lines under it. One linear operator takes them off the endmembers of truth and estimate alike: a weighted least-squares
fit of the families of all elements of the phantom and a smooth continuum (Schamber 1977, as the method `elements`). The
abundances turn net counts per count into maps. Being linear, it does not depend on how components are numbered or
mixed and takes signed ones, so that denoising by PCA is scored too; being the same for both, it needs no exact model
of the detector. A component the result lacks has no lines.

L and M families below 0.5 keV are fitted but not scored: they are too faint to be told from the continuum, as in
`elements`. NaN where the phantom states no family that lies on its axis.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from bayesunmix.spectra.families import family_spectra
from bayesunmix.spectra.line_model import SOFT_KEV, fit_lines
from benchmarks.metric import metric
from benchmarks.scoring.expected_counts import LEAST_EXPECTED
from simulations.trial import Trial


@metric(label="Line intensity error", unit="of the mean", best="low")
def line_intensity_error(trial: Trial, unmixing: Unmixing) -> float:
    """Return the RMSE of net counts over specimen pixels and families / their true mean."""
    pair = (trial.truth, unmixing.estimate)
    shares = _net_shares(np.concatenate([f.endmembers for f in pair]), trial)
    if shares.shape[1] == 0:
        return float("nan")
    where = trial.phantom.specimen
    of_each = np.split(shares, [trial.truth.n_components])
    truth, estimate = (f.abundances[where] @ share for f, share in zip(pair, of_each, strict=True))
    return float(np.sqrt(((estimate - truth) ** 2).mean()) / truth.mean())


def _net_shares(endmembers: np.ndarray, trial: Trial) -> np.ndarray:
    """Return the share of each endmember's counts that are net counts of each family, (endmembers, families)."""
    phantom, energy_kev = trial.phantom, trial.phantom.energy_kev
    sum_spectrum = trial.truth.abundances.sum(axis=0) @ trial.truth.endmembers
    families = family_spectra(dict.fromkeys(f.partition("_")[0] for f in phantom.line_shares), energy_kev)
    scored = [
        j
        for j, (name, spectrum) in enumerate(families.items())
        if name in phantom.line_shares and (name[-1] == "K" or energy_kev[spectrum.argmax()] >= SOFT_KEV)
    ]
    # Of no element at all, the model of a sum spectrum is its smooth continuum.
    continuum = fit_lines(energy_kev, sum_spectrum, ()).background
    curves = np.concatenate([*(spectrum[None] for spectrum in families.values()), continuum])
    weights = 1 / np.sqrt(np.maximum(sum_spectrum, LEAST_EXPECTED * sum_spectrum.mean()))
    return np.linalg.lstsq((curves * weights).T, (endmembers * weights).T)[0][scored].T

"""The calibration of compositions: right spectra are covered, wrong ones are not, and wrong factors are carried."""

import numpy as np
import pytest

import bayesunmix as bu
from benchmarks.calibrations import compositions


@pytest.fixture
def spectra(monkeypatch):
    """Replace the unmixing by draws of the true spectra, bent by a power of the energy."""

    def draws(bent):
        def unmix(image, components, method, seed, progress):
            phantom = compositions.PHANTOMS["norite"]()
            rng = np.random.default_rng(seed)
            truth = phantom.truth
            noise = rng.gamma(400, 1 / 400, (1, 60, *truth.endmembers.shape))
            endmembers = truth.endmembers * phantom.energy_kev**bent * noise
            endmembers /= endmembers.sum(axis=-1, keepdims=True)
            abundances = np.broadcast_to(20 * truth.abundances, (1, 60, *truth.abundances.shape))
            posterior = bu.Posterior(endmembers, abundances)
            return bu.Unmixing(bu.Factorization(endmembers.mean((0, 1)), abundances[0, 0]), posterior)

        monkeypatch.setattr(compositions.bu, "unmix", unmix)

    return draws


@pytest.mark.parametrize(("bent", "least", "most"), [(0.0, 0.8, 1.0), (1.0, 0.0, 0.5)])
def test_intervals_of_right_spectra_hold_what_the_phantom_is_made_of(spectra, bent, least, most):
    spectra(bent)
    known, drawn = compositions.measure("norite", 20.0, 0)
    assert [known["factors"], drawn["factors"]] == ["known", "drawn"]
    assert least <= known["plain_90"] <= most
    assert drawn["plain_90"] < 0.8, "factors that are wrong are not in the errors of counting and endmembers"
    if not bent:
        both = [drawn[name] for name in ("atomic_90", "ranges_90") if np.isfinite(drawn[name])]
        assert min(both) > 0.8, "but they are in the whole error"

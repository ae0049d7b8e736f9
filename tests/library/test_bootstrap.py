"""The bootstrap against what is known of Poisson counts, and how it copes with replicates that fail."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

import bayesunmix as bu
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing
from bayesunmix.methods._resampling import redraw


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(2)
    endmembers = np.array([[0.7, 0.2, 0.1, 0.0], [0.0, 0.1, 0.3, 0.6]])
    return bu.SpectrumImage(rng.poisson(rng.gamma(1.0, 40.0, (20, 2)) @ endmembers), np.arange(1.0, 5.0))


@pytest.fixture
def register(monkeypatch):
    """Register a method for one test: every second replicate does what `then` says."""

    def add(then):
        fits = []

        @dataclass(frozen=True)
        class Stub:
            def fit(self, image, n_components, key):
                fits.append(image)
                result = METHODS["nmf"]().fit(image, n_components, key)
                return result if len(fits) % 2 else then(result)

        monkeypatch.setitem(METHODS._members, "stub", Stub)

    return add


@pytest.mark.parametrize("kind", ["parametric", "poisson"])
def test_one_component_scatters_like_its_counts(kind):
    """With one component the fit of a pixel is its counts n, and those of a replicate are Poisson(n)."""
    counts = np.random.default_rng(0).poisson(12.0, (40, 3))
    draws = bu.unmix(
        bu.SpectrumImage(counts, np.arange(1.0, 4.0)), 1, "bootstrap", kind=kind, n_replicates=60
    ).posterior.abundances[0, :, :, 0]
    totals = counts.sum(axis=1)
    chi_square = ((draws - totals) ** 2 / totals).sum()
    assert 1e-3 < stats.chi2(draws.size).cdf(chi_square) < 1 - 1e-3


def test_redrawn_counts_have_the_mean_they_should(image):
    rng = np.random.default_rng(1)
    estimate = Factorization(np.array([[0.2, 0.2, 0.2, 0.4]]), np.linspace(0, 50, 20)[:, None])
    for kind, mean in (("parametric", estimate.expected()), ("poisson", image.dense().astype(float))):
        total = sum(redraw(image, estimate, kind, rng).dense().astype(int) for _ in range(200))
        z = (total - 200 * mean) / np.sqrt(200 * np.maximum(mean, 1e-9))
        assert np.abs(z).max() < 5 and z[mean > 0].std() == pytest.approx(1, abs=0.2)


def test_draws_are_numbered_like_the_estimate(image):
    result = bu.unmix(image, 2, "bootstrap", n_replicates=12)
    angles = [
        np.diagonal(bu.spectral_angles(result.estimate.endmembers, e)) for e in result.posterior.endmembers[0]
    ]
    assert np.max(angles) < 20
    assert 0 < result.info["replicates_relabelled"] < 12
    assert result.info["replicates"] == 12 and not result.posterior.calibrated


def test_settings_reach_every_fit(image):
    result = bu.unmix(image, 2, "bootstrap", n_replicates=3, settings={"max_iterations": 10})
    assert result.info["iterations"] == 10 and result.info["replicates_unsettled"] == 3
    assert not result.info["converged"] and any("3 of 3 replicates" in w for w in result.info["warnings"])


def test_replicates_that_fail_are_counted_and_said(image, register):
    def refuse(result):
        raise ValueError("no")

    register(refuse)
    result = bu.unmix(image, 2, METHODS["bootstrap"](method="stub", n_replicates=7))
    assert (result.info["replicates"], result.info["replicates_failed"]) == (3, 4)
    assert not result.info["converged"] and any(
        "4 replicates could not" in w for w in result.info["warnings"]
    )


def test_another_number_of_components_is_a_failure(image, register):
    def halve(result):
        found = result.estimate
        return replace(result, estimate=Factorization(found.endmembers[:1], found.abundances[:, :1]))

    register(halve)
    info = bu.unmix(image, 2, METHODS["bootstrap"](method="stub", n_replicates=4)).info
    assert (info["replicates"], info["replicates_failed"]) == (2, 2)


def interrupt(result):
    raise KeyboardInterrupt


def swallow_the_interrupt(result):
    return Unmixing(result.estimate, info={**result.info, "interrupted": True, "converged": False})


@pytest.mark.parametrize("then", [interrupt, swallow_the_interrupt])
def test_an_interrupt_keeps_the_replicates_there_are(image, register, then):
    calls = []

    def third(result):
        calls.append(result)
        return then(result) if len(calls) == 2 else result

    register(third)
    result = bu.unmix(image, 2, METHODS["bootstrap"](method="stub", n_replicates=9))
    assert result.info["interrupted"] and not result.info["converged"]
    assert result.posterior.endmembers.shape[1] == result.info["replicates"] == 2
    assert any("2 of 9 replicates" in w for w in result.info["warnings"])


def test_memory_bounds_the_maps_that_are_kept():
    counts = np.random.default_rng(0).poisson(5.0, (100, 4))
    posterior = bu.unmix(
        bu.SpectrumImage(counts, np.arange(1.0, 5.0)), 1, "bootstrap", n_replicates=45, most_draws_mib=1e-3
    ).posterior
    assert posterior.endmembers.shape[1] == 45 and posterior.abundances.shape[1] == 15

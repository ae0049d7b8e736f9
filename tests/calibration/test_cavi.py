"""Mean-field inference: its bound is a bound and rises; its intervals are known to be too narrow."""

import numpy as np
import pytest
from scipy import integrate, stats

import bayesunmix as bu


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(3)
    counts = rng.poisson(rng.gamma(0.8, 15.0, (40, 2)) @ rng.dirichlet(np.full(12, 0.5), 2))
    return bu.SpectrumImage(counts, np.arange(12.0))


def test_the_evidence_bound_rises(image):
    trace = np.array(bu.unmix(image, 2, "bayes_cavi", tolerance=1e-12, max_iterations=200).info["objective"])
    assert (np.diff(trace) >= -1e-5 * np.abs(trace[1:])).all() and trace[-1] > trace[0]


def test_with_one_component_the_bound_is_nearly_the_evidence():
    """One component leaves no allocation to approximate, and with one channel no endmember: the evidence is known."""
    counts = np.array([[4], [9], [0], [2]])
    shape, rate = 1.3, 0.2
    result = bu.unmix(
        bu.SpectrumImage(counts, [1.0]), 1, "bayes_cavi", abundance_shape=shape, abundance_rate=rate
    )
    evidence = 0.0
    for n in counts[counts > 0]:
        pixel = integrate.quad(
            lambda a, n=n: stats.poisson.pmf(n, a) * stats.gamma.pdf(a, shape, scale=1 / rate), 0, 200
        )
        evidence += np.log(pixel[0]) + np.sum(np.log(np.arange(1, n + 1)))
    assert result.info["objective"][-1] == pytest.approx(evidence, rel=1e-4)


def test_mean_of_one_component_is_the_conjugate_posterior():
    counts = np.array([[4, 1], [9, 3], [0, 0]])
    result = bu.unmix(
        bu.SpectrumImage(counts, [1.0, 2.0]), 1, "bayes_cavi", abundance_shape=2.0, abundance_rate=0.5
    )
    np.testing.assert_allclose(result.estimate.abundances.ravel(), (2 + counts.sum(1)) / 1.5, rtol=1e-5)
    np.testing.assert_allclose(
        result.estimate.endmembers.ravel(), (0.5 + counts.sum(0)) / (1 + 17), rtol=1e-5
    )


def test_endmember_intervals_are_flagged_and_narrower_than_gibbs(image):
    cavi = bu.unmix(image, 2, "bayes_cavi", n_draws=400).posterior
    gibbs = bu.unmix(image, 2, "bayes_gibbs", n_warmup=300, n_draws=800).posterior
    assert not cavi.calibrated and gibbs.calibrated
    gibbs = gibbs.reorder(bu.match(cavi.mean().endmembers, gibbs.mean().endmembers))
    width = [
        np.subtract(*(b.endmembers for b in posterior.interval(0.9)[::-1])).mean()
        for posterior in (cavi, gibbs)
    ]
    assert width[0] < 0.97 * width[1]

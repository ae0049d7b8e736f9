"""Our factorisations against scikit-learn's, run to convergence from the same start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition import non_negative_factorization

import bayesunmix as bu
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import em


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(2)
    endmembers = rng.dirichlet(np.full(20, 0.4), 3)
    counts = rng.poisson(rng.gamma(0.7, 20.0, (60, 3)) @ endmembers)
    return counts[counts.sum(axis=1) > 0]


@pytest.fixture(scope="module")
def image(counts):
    return bu.SpectrumImage(counts, np.arange(20.0))


def divergence(counts, factorization):
    """Half the Poisson deviance, from SciPy's log-likelihood: scikit-learn's generalised KL divergence."""
    mean = factorization.expected()
    return stats.poisson.logpmf(counts, counts).sum() - stats.poisson.logpmf(counts, mean).sum()


def test_deviance_is_that_of_scipy(counts, image):
    data, pixels = lay_out(image)
    rng = np.random.default_rng(0)
    a, e = rng.gamma(1, 1, (3, pixels.padded)), rng.dirichlet(np.ones(20), 3)
    a[:, len(counts) :] = 0
    ours = em.deviance(data, jnp.asarray(a, jnp.float32), jnp.asarray(e, jnp.float32))
    expected = 2 * divergence(counts, bu.Factorization(e, a[:, : len(counts)].T))
    assert ours == pytest.approx(expected, rel=1e-5)


def test_kl_nmf_reaches_the_divergence_of_sklearn(counts, image):
    ours = bu.unmix(image, 3, "nmf", seed=1, tolerance=1e-9, max_iterations=5000)
    theirs = min(
        SklearnNMF(
            3, solver="mu", beta_loss="kullback-leibler", init="random", max_iter=5000, tol=0, random_state=s
        )
        .fit(counts)
        .reconstruction_err_
        ** 2
        / 2
        for s in range(3)
    )
    reached = divergence(counts, ours.estimate)
    assert reached <= theirs * 1.002
    assert ours.info["objective"][-1] / 2 == pytest.approx(reached, rel=1e-4)


def test_em_steps_are_sklearn_multiplicative_updates(counts, image):
    """From one start, n iterations of each give the same expected counts.

    Scikit-learn updates W and then H without fixing the scale; ours is the same step with endmembers that sum to
    one, so the products agree once the total of each row is fixed.
    """
    data, pixels = lay_out(image)
    rng = np.random.default_rng(4)
    w, h = rng.gamma(1, 1, (len(counts), 3)), rng.dirichlet(np.ones(20), 3)
    padded = np.zeros((3, pixels.padded))
    padded[:, : len(counts)] = w.T
    a, e = jax.jit(em.em_step)(
        data, jnp.asarray(np.maximum(padded, 1e-12), jnp.float32), jnp.asarray(h, jnp.float32)
    )
    ratio = counts / (w @ h)
    abundances = w * (ratio @ h.T)
    ratio = counts / (abundances @ h)
    spectra = h * (abundances.T @ ratio)
    np.testing.assert_allclose(np.asarray(a)[:, : len(counts)].T, abundances, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(e, spectra / spectra.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-7)


def test_every_em_block_lowers_the_deviance(image):
    trace = np.array(bu.unmix(image, 3, "nmf", tolerance=1e-12, max_iterations=300).info["objective"])
    assert (np.diff(trace) <= 1e-5 * np.abs(trace[1:])).all()
    assert trace[0] > trace[-1]


def test_hals_reaches_the_residual_of_sklearn(counts, image):
    ours = bu.unmix(image, 3, "nmf_frobenius", seed=0, tolerance=1e-10, max_iterations=3000)
    theirs = min(
        SklearnNMF(3, solver="cd", init="random", max_iter=3000, tol=1e-10, random_state=s)
        .fit(counts)
        .reconstruction_err_
        for s in range(3)
    )
    reached = np.linalg.norm(counts - ours.estimate.expected())
    assert reached <= theirs * 1.001
    assert ours.info["objective"][-1] == pytest.approx(reached**2, rel=1e-4)


def test_least_squares_with_one_component_is_the_leading_singular_vector(counts, image):
    ours = bu.unmix(image, 1, "nmf_frobenius", tolerance=1e-10).estimate
    leading = np.abs(np.linalg.svd(counts.astype(float))[2][:1])
    assert bu.spectral_angles(leading, ours.endmembers)[0, 0] < 0.05


def test_sklearn_cannot_improve_on_our_optimum(counts, image):
    """A stationary point: scikit-learn started from our result stays there."""
    ours = bu.unmix(image, 3, "nmf", tolerance=1e-10, max_iterations=10_000).estimate
    w, h, _ = non_negative_factorization(
        counts.astype(float),
        W=ours.abundances.copy(),
        H=ours.endmembers.copy(),
        n_components=3,
        init="custom",
        solver="mu",
        beta_loss="kullback-leibler",
        max_iter=500,
        tol=0,
    )
    later = divergence(counts, bu.Factorization(h, w))
    assert divergence(counts, ours) - later < 1e-3 * later

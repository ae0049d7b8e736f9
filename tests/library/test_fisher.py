"""Fisher covariances against dense Hessians and against what is known of Poisson counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import bayesunmix as bu
from bayesunmix.data.factorization import Factorization
from bayesunmix.engine.fits import fisher
from bayesunmix.engine.fits.poisson_fit import information


@pytest.fixture(scope="module")
def small():
    """Two components in seven pixels and five channels, with entries at zero, and counts of them."""
    rng = np.random.default_rng(4)
    endmembers = np.array([[0.6, 0.3, 0.1, 0.0, 0.0], [0.0, 0.0, 0.2, 0.3, 0.5]])
    abundances = rng.gamma(2.0, 300.0, (7, 2))
    abundances[:2, 0] = abundances[2:4, 1] = 0
    estimate = Factorization(endmembers, abundances)
    return bu.SpectrumImage(rng.poisson(estimate.expected()), np.arange(1.0, 6.0)), estimate


def dense_information(joint, image, estimate, held=True):
    """Hessian of the expected negative log-likelihood, with what holds entries at zero and sums at one."""
    abundances, endmembers = joint.abundances, joint.endmembers
    split = abundances.size
    point = np.concatenate([abundances.ravel(), endmembers.ravel()])
    expected = abundances @ endmembers

    def loss(values):
        rate = values[:split].reshape(abundances.shape) @ values[split:].reshape(endmembers.shape)
        return (rate - expected * jnp.log(rate)).sum()

    with jax.enable_x64(True):
        hessian = np.array(jax.hessian(loss)(jnp.asarray(point)))

        def misfit(values):
            rate = values[:split].reshape(abundances.shape) @ values[split:].reshape(endmembers.shape)
            return (rate - image.counts.toarray() * jnp.log(rate + 1e-300)).sum()

        fitted = np.concatenate([estimate.abundances.ravel(), estimate.endmembers.ravel()])
        slope = np.maximum(np.asarray(jax.grad(misfit)(jnp.asarray(fitted))), 0)
    hessian += np.diag(held * slope**2)
    for k, total in enumerate(estimate.abundances.sum(axis=0)):
        row = np.zeros(len(point))
        row[split + k * endmembers.shape[1] :][: endmembers.shape[1]] = 1
        hessian += fisher.SUM_WEIGHT * total * np.outer(row, row)
    return hessian


def joint_covariance(joint):
    """Covariance of abundances, then endmembers, put together from the parts that draws are made of."""
    of_endmembers = joint.schur_root.T @ joint.schur_root
    unit = np.eye(len(of_endmembers))
    follows = np.concatenate([r for _, r in fisher.abundance_responses(joint, unit)], axis=1)
    follows = follows.reshape(len(unit), -1).T
    own = np.einsum("plk,plj->pkj", joint.pixel_root, joint.pixel_root)
    n_pixels, n_components = joint.abundances.shape
    scatter = np.einsum("pkj,pq->pkqj", own, np.eye(n_pixels)).reshape(n_pixels * n_components, -1)
    across = follows @ of_endmembers
    return np.block([[scatter + across @ follows.T, across], [across.T, of_endmembers]])


def test_the_arrow_is_the_inverse_of_the_dense_hessian(small, monkeypatch):
    monkeypatch.setattr(fisher, "BORDER_ENTRIES", 60)  # three pixels a block
    image, estimate = small
    joint = fisher.joint_information(image, estimate)
    dense = np.linalg.inv(dense_information(joint, image, estimate))
    ours = joint_covariance(joint)
    scale = np.sqrt(np.outer(np.diag(dense), np.diag(dense)))
    np.testing.assert_allclose(ours / scale, dense / scale, atol=2e-5)


def test_slopes_at_zero_take_the_place_of_the_information_that_rotations_lack(small):
    """Without them K (K - 1) directions are free: A T and inv(T) E fit as well."""
    image, estimate = small
    joint = fisher.joint_information(image, estimate)
    for held, n_free in ((True, 0), (False, 2)):
        hessian = dense_information(joint, image, estimate, held)
        scale = 1 / np.sqrt(np.diag(hessian))
        values = np.linalg.eigvalsh(hessian * np.outer(scale, scale))
        assert (values < 1e-9).sum() == n_free


def test_pixel_information_is_the_hessian(small):
    _, estimate = small
    abundances = estimate.abundances + 0.3
    found = np.concatenate([m for _, m in information(estimate.endmembers + 0.01, abundances)])
    with jax.enable_x64(True):
        endmembers = jnp.asarray(estimate.endmembers + 0.01)
        for a, matrix in zip(abundances, found, strict=False):
            rate = jnp.asarray(a) @ endmembers
            hessian = jax.hessian(
                lambda b, rate=rate: (b @ endmembers - rate * jnp.log(b @ endmembers)).sum()
            )
            np.testing.assert_allclose(matrix, hessian(jnp.asarray(a)), rtol=1e-9)


@pytest.mark.parametrize("name", ["fisher_conditional", "fisher_joint"])
def test_abundances_of_one_component_are_gamma_variates(name):
    """Counts n alone: Gamma(n + 1/2), the posterior under Jeffreys' prior."""
    counts = np.zeros((4, 8), int)
    counts[:3, ::2] = [[1], [5], [40]]
    image = bu.SpectrumImage(counts, np.arange(1.0, 9.0))
    draws = bu.unmix(image, 1, name, n_draws=4000).posterior.abundances[0, :, :, 0]
    held_at_zero = name == "fisher_joint"  # the slope at zero narrows the empty pixel
    for total, pixel in list(zip(counts.sum(axis=1), draws.T, strict=True))[: 4 - held_at_zero]:
        assert stats.kstest(pixel, stats.gamma(total + 0.5).cdf).pvalue > 1e-3


def test_one_endmember_scatters_like_a_dirichlet():
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.outer(rng.gamma(4.0, 20.0, 30), rng.dirichlet(np.ones(6))))
    image = bu.SpectrumImage(counts, np.arange(1.0, 7.0))
    draws = bu.unmix(image, 1, "fisher_joint", n_draws=4000).posterior.endmembers[0, :, 0]
    by_channel = counts.sum(axis=0) + 0.5
    expected = stats.dirichlet(by_channel)
    np.testing.assert_allclose(draws.mean(axis=0), expected.mean(), rtol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), np.sqrt(expected.var()), rtol=0.05)


def test_joint_draws_know_that_both_factors_move_together():
    """The product is known better than its factors: draws of the total of a channel scatter like its counts."""
    rng = np.random.default_rng(6)
    endmembers = np.array([[0.6, 0.3, 0.1, 0.0, 0.0], [0.0, 0.0, 0.2, 0.3, 0.5]])
    counts = rng.poisson(rng.gamma(0.3, 500.0, (60, 2)) @ endmembers)
    image = bu.SpectrumImage(counts, np.arange(1.0, 6.0))
    posterior = bu.unmix(image, 2, "fisher_joint", n_draws=1500, seed=1).posterior
    draws = (d[0].astype(float) for d in (posterior.abundances, posterior.endmembers))
    totals = np.einsum("dpk,dkc->dc", *draws)
    np.testing.assert_allclose(totals.std(axis=0), np.sqrt(counts.sum(axis=0)), rtol=0.15)


@pytest.mark.parametrize("name", ["fisher_conditional", "fisher_joint"])
def test_components_that_are_not_there_leave_finite_draws(name):
    image = bu.SpectrumImage(np.random.default_rng(2).poisson(3.0, (12, 10)), np.arange(1.0, 11.0))
    posterior = bu.unmix(image, 4, name, n_draws=30).posterior
    assert np.isfinite(posterior.endmembers).all() and np.isfinite(posterior.abundances).all()
    assert posterior.abundances.min() >= 0 and posterior.endmembers.min() >= 0 and not posterior.calibrated


def test_twins_and_empty_components_leave_finite_draws():
    spectra = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.1, 0.1, 0.8]])
    estimate = Factorization(spectra, np.array([[4.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
    image = bu.SpectrumImage(np.array([[4, 4, 0], [0, 0, 0]]), np.arange(1.0, 4.0))
    rng = np.random.default_rng(0)
    draws = fisher.abundance_draws(estimate, 50, rng), *fisher.joint_draws(image, estimate, 50, 50, rng)
    for drawn in draws:
        assert np.isfinite(drawn).all() and drawn.min() >= 0
    np.testing.assert_allclose(draws[1].sum(axis=-1), 1, rtol=1e-5)


def test_too_many_endmember_values_are_refused():
    image = bu.SpectrumImage(np.ones((4, 5000), int), np.arange(1.0, 5001.0))
    with pytest.raises(ValueError, match=r"10000 rows, and at most 8192.*fisher_conditional"):
        bu.unmix(image, 2, "fisher_joint")


def test_a_signed_or_unknown_point_method_is_refused(small):
    with pytest.raises(ValueError, match="without negative values, got 'pca'"):
        bu.unmix(small[0], 2, bu.METHODS["fisher_joint"](method="pca"))
    with pytest.raises(ValueError, match="unknown method 'nnmf'"):
        bu.METHODS["fisher_conditional"](method="nnmf")

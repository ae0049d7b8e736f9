"""The penalised factorisations do to the result what they are for."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

import bayesunmix as bu
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import relevance
from bayesunmix.engine.fits.neighbours import neighbours
from bayesunmix.methods import nmf_minvol, nmf_smooth


def test_smooth_maps_are_those_of_a_slow_optimiser():
    """One component, whose spectrum factorises out: SciPy minimises over the map with its total held."""
    rng = np.random.default_rng(5)
    counts = rng.poisson(6.0, (3, 4, 5)) + 1
    image = bu.SpectrumImage(counts, 1.0 + np.arange(5))
    totals, weight = counts.sum(axis=2), 2.0 * 12 / counts.sum()

    def objective(flat):
        a = flat.reshape(3, 4)
        rough = sum((np.diff(a, axis=axis) ** 2).sum() for axis in (0, 1))
        return 2 * (a - totals * np.log(a)).sum() + weight * rough

    slow = optimize.minimize(
        objective,
        np.full(12, totals.mean()),
        method="SLSQP",
        bounds=[(1e-3, None)] * 12,
        constraints={"type": "eq", "fun": lambda flat: flat.sum() - totals.sum()},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    result = bu.unmix(image, 1, "nmf_smooth", smoothness=2.0, tolerance=1e-9)
    np.testing.assert_allclose(result.estimate.abundances[:, 0], slow.x, rtol=2e-3)


def two_phases(dose, seed, side=24):
    """Left half one phase, right half another, with overlapping spectra."""
    endmembers = np.array([np.arange(1.0, 13), np.arange(12.0, 0, -1)]) ** 2
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    abundances = np.zeros((side, side, 2))
    abundances[:, : side // 2, 0] = abundances[:, side // 2 :, 1] = dose
    counts = np.random.default_rng(seed).poisson(abundances @ endmembers)
    return bu.SpectrumImage(counts, 1.0 + np.arange(12)), bu.Factorization(
        endmembers, abundances.reshape(-1, 2)
    )


def rmse(truth, result):
    order = bu.match(truth.endmembers, result.estimate.endmembers)
    return np.sqrt(((result.estimate.abundances[:, order] - truth.abundances) ** 2).mean())


def test_held_out_photons_choose_a_smoothness_that_halves_the_error():
    image, truth = two_phases(dose=10, seed=0)
    plain, smooth = (bu.unmix(image, 2, name) for name in ("nmf", "nmf_smooth"))
    assert rmse(truth, smooth) < 0.5 * rmse(truth, plain)
    assert smooth.estimate.abundances.sum() == pytest.approx(image.n_photons, rel=1e-4)
    tried, scores = smooth.info["smoothness_tried"], smooth.info["held_out_deviance"]
    assert smooth.info["smoothness"] == tried[int(np.argmin(scores))]
    assert len(scores) < len(nmf_smooth.GRID)  # it stopped when the score rose


def test_pixels_in_random_order_are_hardly_smoothed():
    image, truth = two_phases(dose=50, seed=1)
    order = np.random.default_rng(0).permutation(image.n_pixels)
    shuffled = bu.SpectrumImage(image.counts[order], image.energy_kev, image.shape)
    mixed_up = bu.Factorization(truth.endmembers, truth.abundances[order])
    plain, smooth = (bu.unmix(shuffled, 2, name) for name in ("nmf", "nmf_smooth"))
    assert rmse(mixed_up, smooth) < rmse(mixed_up, plain)
    assert smooth.info["smoothness"] < 0.2 * bu.unmix(image, 2, "nmf_smooth").info["smoothness"]


def test_more_smoothing_is_smoother_and_the_limit_is_flat():
    image, _ = two_phases(dose=10, seed=2)
    _, pixels = lay_out(image)
    around = neighbours(image, pixels)
    rough = []
    for smoothness in (0.1, 3.0, 1e4):
        maps = bu.unmix(image, 1, "nmf_smooth", smoothness=smoothness).estimate.abundances.T
        padded = np.zeros((1, pixels.padded), np.float32)
        padded[:, : pixels.pixels.size] = maps[:, pixels.pixels]
        rough.append(around.roughness(jnp.asarray(padded)))
    assert rough[0] > 3 * rough[1] > 30 * rough[2]


def test_the_smallest_image_can_be_smoothed():
    result = bu.unmix(bu.SpectrumImage([[[1, 0]]], [1.0, 2.0]), 1, "nmf_smooth")
    np.testing.assert_allclose(result.estimate.abundances, [[1.0]])


def shared_continuum(dose, seed):
    x = np.arange(40)
    peaks = np.exp(-0.5 * ((x - np.array([[8], [20], [31]])) / 1.5) ** 2)
    continuum = np.exp(-x / 15)
    endmembers = 0.6 * continuum / continuum.sum() + 0.4 * peaks / peaks.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    counts = rng.poisson(dose * rng.dirichlet(np.full(3, 0.4), (24, 24)) @ endmembers)
    return bu.SpectrumImage(counts, 1.0 + x), endmembers


def test_minimum_volume_finds_what_shares_a_continuum():
    """Pure pixels, but no endmember that is zero anywhere: NMF is free to exaggerate, minimum volume is not."""
    image, truth = shared_continuum(500, 0)
    angles = {}
    for name, chosen in (("nmf", {}), ("nmf_minvol", {"strength": 1e-3})):
        found = bu.unmix(image, 3, name, **chosen).estimate.endmembers
        angles[name] = np.diagonal(bu.spectral_angles(truth, found[bu.match(truth, found)])).max()
    assert angles["nmf_minvol"] < 0.75 * angles["nmf"]


def test_a_stronger_pull_gives_a_smaller_volume():
    image, _ = shared_continuum(100, 1)
    volumes = [
        nmf_minvol.log_volume(bu.unmix(image, 3, "nmf_minvol", strength=s).estimate.endmembers, 0.1)
        for s in (1e-6, 1e-3, 1e-2)
    ]
    assert volumes[0] > volumes[1] > volumes[2]


def test_the_ard_penalty_is_that_of_tan_and_fevotte_at_the_best_scale():
    """Their objective over the scale s of W = s E, H = A / s and over lambda, minimised by SciPy."""
    counts, n_pixels, n_channels, a, b = 300.0, 50, 20, 5.0, 0.7
    price = n_pixels + n_channels + a + 1

    def theirs(logs):
        scale, relevance = np.exp(logs)
        return (scale + counts / scale + b) / relevance + price * np.log(relevance)

    best = optimize.minimize(theirs, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9})
    ours = price * relevance.relevance_penalty(jnp.array([[counts]]), b)
    assert best.fun == pytest.approx(ours + price - price * np.log(price), rel=1e-6)


@pytest.mark.parametrize("n_true", [1, 3])
def test_ard_finds_the_number_of_components(n_true):
    rng = np.random.default_rng(n_true)
    endmembers = rng.dirichlet(np.full(30, 0.3), n_true)
    counts = rng.poisson(200 * rng.dirichlet(np.full(n_true, 0.3), (20, 20)) @ endmembers)
    result = bu.unmix(bu.SpectrumImage(counts, 1.0 + np.arange(30)), 8, "nmf_ard")
    assert result.estimate.n_components == result.info["n_components"] == n_true
    found = result.estimate.endmembers
    angles = np.diagonal(bu.spectral_angles(endmembers, found[bu.match(endmembers, found)]))
    assert angles.max() < 5
    relevance = np.array(result.info["relevance"])
    assert result.info["n_components_tried"] == relevance.size == 8
    assert (relevance[:n_true] > 10).all() and (relevance[n_true:] < 1).all()
    assert not result.info["warnings"]


def test_ard_says_when_there_may_be_more_components():
    rng = np.random.default_rng(4)
    counts = rng.poisson(200 * rng.dirichlet(np.full(4, 0.3), (20, 20)) @ rng.dirichlet(np.full(30, 0.3), 4))
    result = bu.unmix(bu.SpectrumImage(counts, 1.0 + np.arange(30)), 2, "nmf_ard")
    assert result.estimate.n_components == 2
    assert any("Raise n_components" in sentence for sentence in result.info["warnings"])


def test_ard_keeps_one_component_where_it_can_afford_none():
    result = bu.unmix(bu.SpectrumImage([[[1, 0, 2]]], [1.0, 2.0, 3.0]), method="nmf_ard")
    np.testing.assert_allclose(result.estimate.endmembers, [[1 / 3, 0, 2 / 3]], atol=1e-6)
    np.testing.assert_allclose(result.estimate.abundances, [[3.0]], rtol=1e-5)


def test_ard_needs_a_prior_with_a_variance():
    with pytest.raises(ValueError, match=r"setting a of NMFARD must be greater than 2.*got 1\.5"):
        bu.METHODS["nmf_ard"](a=1.5)


def test_given_endmembers_stay_and_come_first():
    image, truth = shared_continuum(200, 3)
    plain = bu.unmix(image, 3, "nmf_semi", seed=5)
    np.testing.assert_array_equal(
        plain.estimate.endmembers, bu.unmix(image, 3, "nmf", seed=5).estimate.endmembers
    )
    assert plain.names == ("free_0", "free_1", "free_2") and not any(plain.known)
    given = 7.0 * truth[[2, 0]]
    result = bu.unmix(image, 3, "nmf_semi", endmembers=given)
    np.testing.assert_allclose(result.estimate.endmembers[:2], truth[[2, 0]], rtol=1e-12)
    assert result.names == ("given_0", "given_1", "free_0") and result.known == (True, True, False)


def test_a_known_endmember_decides_what_a_blind_fit_cannot():
    """No pixel is purer than one half in the first component, so that its spectrum cannot be found; but it is known."""
    rng = np.random.default_rng(8)
    truth = np.array([np.r_[np.full(8, 0.09), np.full(4, 0.07)], np.r_[np.full(8, 0.125), np.zeros(4)]])
    truth[:, :8] *= np.linspace([0.8, 1.2], [1.2, 0.8], 8).T
    truth /= truth.sum(axis=1, keepdims=True)
    share = rng.uniform(0, 0.5, (20, 20))
    abundances = 500 * np.stack([share, 1 - share], axis=-1)
    image = bu.SpectrumImage(rng.poisson(abundances @ truth), 1.0 + np.arange(12))
    expected = bu.Factorization(truth, abundances.reshape(-1, 2))
    blind, semi = bu.unmix(image, 2, "nmf"), bu.unmix(image, 2, "nmf_semi", endmembers=truth[:1])
    assert bu.spectral_angles(truth, semi.estimate.endmembers)[1, 1] < 3
    assert rmse(expected, semi) < 0.5 * rmse(expected, blind)


def test_with_all_endmembers_given_the_maps_are_those_of_maximum_likelihood():
    image, truth = shared_continuum(30, 6)
    result = bu.unmix(image, 3, "nmf_semi", endmembers=truth, tolerance=1e-9)
    counts = image.counts[:1].toarray()[0]
    slow = optimize.minimize(
        lambda a: -stats.poisson.logpmf(counts, a @ truth).sum(), np.full(3, 10.0), bounds=[(1e-9, None)] * 3
    )
    reached = -stats.poisson.logpmf(counts, result.estimate.abundances[0] @ truth).sum()
    assert reached == pytest.approx(slow.fun, abs=0.02)


def test_given_endmembers_are_checked():
    semi = bu.METHODS["nmf_semi"]
    image, truth = shared_continuum(30, 7)
    assert semi(endmembers=truth) == semi(endmembers=truth.tolist()) != semi()
    for bad, said in [
        (truth[0], r"shape \(M, C\).*got float64 of shape \(40,\); for one spectrum"),
        ([["a", "b"]], r"must be numbers"),
        (np.zeros((0, 40)), r"must be numbers of shape \(M, C\)"),
        (-truth, "must be finite and not negative"),
        (np.nan * truth, "must be finite and not negative"),
        (0 * truth, "with a positive entry in every spectrum"),
    ]:
        with pytest.raises(ValueError, match=f"setting endmembers of NMFSemi .*{said}"):
            semi(endmembers=bad)
    with pytest.raises(ValueError, match="must have the 40 channels of the image, got 39"):
        bu.unmix(image, 3, "nmf_semi", endmembers=truth[:, 1:])
    with pytest.raises(ValueError, match="at least the number of given endmembers, 3, got 2"):
        bu.unmix(image, 2, "nmf_semi", endmembers=truth)

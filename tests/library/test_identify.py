"""Feasible ranges: closed form for two components, an optimiser for more, and truths of phantoms inside."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import bayesunmix as bu
from bayesunmix.analysis.feasible_evidence import estimator, excess, gather, parts
from bayesunmix.analysis.feasible_refit import refit
from simulations.phantom import PHANTOMS
from simulations.trial import acquire
from tests.library.mixtures import mixture, picture


@cache
def noise_free(n_components):
    """So many counts that rounding and noise are nothing."""
    truth = mixture(n_components, 1e7)
    image = picture(np.round(truth.expected()))
    return truth, image, bu.identify(bu.Unmixing(truth), image)


@cache
def blind(name, dose, seed=0):
    """A phantom, its blind fit in the order of the truth, and its ranges."""
    trial = acquire(PHANTOMS[name](), dose, seed)
    result = bu.unmix(trial.image, 3, method="nmf", seed=0)
    result = result.reorder(bu.match(trial.truth.endmembers, result.estimate.endmembers))
    return trial, result, bu.identify(result, trial.image, n_steps=20)


def rotated(factorization, seed, size=0.15):
    """Another factorisation of the same product, clipped where it is negative."""
    rng = np.random.default_rng(seed)
    rotation = np.eye(factorization.n_components) + size * rng.uniform(
        -1, 1, (factorization.n_components,) * 2
    )
    rotation /= rotation.sum(axis=1, keepdims=True)
    endmembers = np.maximum(rotation @ factorization.endmembers, 0)
    abundances = np.maximum(factorization.abundances @ np.linalg.inv(rotation), 0)
    return bu.Factorization(endmembers, abundances).canonical()


def test_two_components_have_the_range_of_lawton_and_sylvestre():
    truth, _, found = noise_free(2)
    share, (first, second) = truth.fractions[:, 1], truth.endmembers
    # On the line through both endmembers, at 0 and 1: how far out spectra stay positive, and how far in pixels lie.
    ends = first / np.where(first == second, np.nan, first - second)
    outer, inner = (np.nanmax(ends[ends < 0]), np.nanmin(ends[ends > 0])), (share.min(), share.max())
    for mask, rows in (
        (np.ones((12, 12), bool), slice(None)),
        (np.eye(12, dtype=bool), slice(None, None, 13)),
    ):
        mean = share[rows].mean()
        lower, upper = found.fractions_of(mask)
        assert lower[1] == pytest.approx((mean - inner[0]) / (outer[1] - inner[0]), abs=0.004)
        assert upper[1] == pytest.approx((mean - outer[0]) / (inner[1] - outer[0]), abs=0.004)
    for k in range(2):
        extremes = [first + s * (second - first) for s in (outer[k], inner[k])]
        np.testing.assert_allclose(found.endmembers.lower[k], np.min(extremes, axis=0), atol=3e-4)
        np.testing.assert_allclose(found.endmembers.upper[k], np.max(extremes, axis=0), atol=3e-4)


def rotation_of(free):
    rows = free.reshape(3, 2)
    return np.concatenate([rows, 1 - rows.sum(axis=1, keepdims=True)], axis=1)


def test_three_components_reach_what_an_optimiser_finds():
    """The slow way: a constrained optimiser, for each end by itself, on the exact inequalities."""
    truth, _, found = noise_free(3)
    fractions, mean = truth.fractions, truth.fractions.mean(axis=0)

    def inequalities(free):
        rotation = rotation_of(free)
        return np.concatenate(
            [(fractions @ np.linalg.inv(rotation)).ravel(), 30 * (rotation @ truth.endmembers).ravel()]
        )

    for k, sign in itertools.product(range(3), (1, -1)):
        best = minimize(
            lambda free, k=k, sign=sign: sign * (mean @ np.linalg.inv(rotation_of(free)))[k],
            np.eye(3)[:, :2].ravel(),
            method="SLSQP",
            constraints=[{"type": "ineq", "fun": inequalities}],
        )
        assert best.success and inequalities(best.x).min() > -1e-6
        end = found.overall.lower if sign == 1 else found.overall.upper
        assert end[k] == pytest.approx(sign * best.fun, abs=0.01)


def test_three_components_hold_a_dense_sample_of_rotations():
    truth, _, found = noise_free(3)
    rng = np.random.default_rng(0)
    sample = np.eye(3) + rng.uniform(-1, 1, (200_000, 3, 1)) * rng.uniform(-0.3, 0.3, (200_000, 3, 3))
    sample /= sample.sum(axis=2, keepdims=True)
    sample = sample[(sample @ truth.endmembers).min(axis=(1, 2)) >= 0]
    sample = sample[(truth.fractions @ np.linalg.inv(sample)).min(axis=(1, 2)) >= 0]
    assert len(sample) > 500
    overall = truth.fractions.mean(axis=0) @ np.linalg.inv(sample)
    spectra = sample @ truth.endmembers
    assert (overall >= found.overall.lower).all() and (overall <= found.overall.upper).all()
    slack = 0.03 * found.endmembers.half_width.max()
    assert (spectra >= found.endmembers.lower - slack).all()
    assert (spectra <= found.endmembers.upper + slack).all()


@pytest.mark.parametrize("dose", [20, 50, 250])
def test_pure_layers_are_determined(dose):
    trial, _, found = blind("nicr_film", dose)
    truth = trial.truth.abundances.sum(axis=0) / trial.truth.abundances.sum()
    assert (found.overall.lower <= truth).all() and (truth <= found.overall.upper).all()
    assert (found.overall.half_width < (0.02 if dose < 100 else 0.008)).all()
    assert found.warnings == ()


@pytest.mark.parametrize("dose", [20, 50, 250])
def test_a_mixture_without_pure_pixels_is_not(dose):
    trial, _, found = blind("nicr_mixed", dose)
    truth = trial.truth.abundances.sum(axis=0) / trial.truth.abundances.sum()
    assert (found.overall.lower <= truth).all() and (truth <= found.overall.upper).all()
    assert (found.overall.half_width > 0.12).all()
    counting_sd = np.sqrt(truth * (1 - truth) / trial.image.n_photons)
    assert {bu.verdict(h, sd) for h, sd in zip(found.overall.half_width, counting_sd, strict=True)} == {"no"}


def test_endmembers_of_the_mixture_hold_the_truth_which_the_fit_misses():
    trial, result, found = blind("nicr_mixed", 250)
    peaks = trial.truth.endmembers > 0.005
    noise = 4 * np.sqrt(trial.truth.endmembers / trial.image.n_photons * 3)
    truth = trial.truth.endmembers
    inside = (found.endmembers.lower - noise <= truth) & (truth <= found.endmembers.upper + noise)
    assert inside[peaks].mean() > 0.98
    assert np.abs(result.estimate.endmembers - truth)[peaks].max() > 5 * noise[peaks].max()


@cache
def of_few_counts():
    truth = mixture(3, 500)
    image = picture(np.random.default_rng(1).poisson(truth.expected()))
    return truth, image, bu.identify(bu.Unmixing(truth), image, n_steps=8)


@given(st.permutations(range(3)))
@settings(max_examples=5)
def test_permuting_components_permutes_the_answer(order):
    truth, image, found = of_few_counts()
    moved = bu.identify(bu.Unmixing(truth.reorder(np.array(order))), image, n_steps=8)
    for name in ("endmembers", "fractions", "overall"):
        for end in (0, 1):
            values, permuted = getattr(found, name)[end], getattr(moved, name)[end]
            expected = values[order] if name != "fractions" else values[:, order]
            np.testing.assert_allclose(permuted, expected, atol=1e-6)
    np.testing.assert_allclose(moved.rotations, found.rotations[:, order][:, :, order], atol=1e-6)


def test_every_rotation_kept_passes_and_every_range_is_theirs():
    trial, result, found = blind("nicr_film", 20)
    np.testing.assert_allclose(found.rotations.sum(axis=2), 1, atol=1e-9)
    assert (excess(gather(trial.image, result.estimate.endmembers, 0.95), found.rotations) <= 1.01).all()
    everywhere = np.ones(trial.image.navigation_shape, bool)
    under = found.fractions_under(everywhere)
    np.testing.assert_allclose(under.sum(axis=1), 1)
    np.testing.assert_allclose(found.fractions_of(everywhere), found.overall, atol=1e-9)
    pixel = np.maximum(result.estimate.fractions @ np.linalg.inv(found.rotations), 0)
    pixel /= pixel.sum(axis=2, keepdims=True)
    filled = result.estimate.abundances.sum(axis=1) > 0
    assert not filled.all()
    np.testing.assert_allclose(found.fractions.lower[filled], pixel.min(axis=0)[filled])
    np.testing.assert_allclose(found.fractions.upper[filled], pixel.max(axis=0)[filled])
    assert (found.fractions.lower[~filled] == 0).all() and (found.fractions.upper[~filled] == 1).all()


def test_a_region_is_weighed_by_counts_or_by_area():
    truth, image, found = noise_free(2)
    bright = truth.abundances * np.where(np.arange(144) < 72, 1, 0.1)[:, None]
    image = picture(np.round(bright @ truth.endmembers))
    found = bu.identify(bu.Unmixing(bu.Factorization(truth.endmembers, bright)), image, n_steps=8)
    mask = np.zeros((12, 12), bool)
    mask[4:8] = True
    rows = mask.ravel()
    shares = truth.fractions[rows] @ np.linalg.inv(found.rotations)
    weight = bright[rows].sum(axis=1) / bright[rows].sum()
    np.testing.assert_allclose(found.fractions_under(mask, "area"), shares.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(found.fractions_under(mask), np.einsum("p,npk->nk", weight, shares), atol=1e-3)
    np.testing.assert_array_equal(found.fractions_of(~np.ones((12, 12), bool)), [[0, 0], [1, 1]])


def slow_cost(counts, dictionary):
    """What non-negativity costs one row, by SciPy: its log-likelihood without and with bounds."""

    def loss(amounts):
        rate = amounts @ dictionary
        return np.inf if (rate <= 0).any() else float((rate - counts * np.log(rate)).sum())

    def slope(amounts):
        return dictionary @ (1 - counts / np.maximum(amounts @ dictionary, 1e-12))

    even = np.full(len(dictionary), counts.sum() / dictionary.sum())
    bounded = minimize(loss, even, jac=slope, method="L-BFGS-B", bounds=[(1e-9, None)] * len(even), tol=1e-14)
    free = minimize(
        loss, bounded.x + 1e-3, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-8}
    )
    return bounded.fun - min(free.fun, bounded.fun)


@given(st.integers(0, 1000), st.integers(2, 3))
@settings(max_examples=5)
def test_the_loss_of_a_refit_is_that_of_a_slow_optimiser(seed, n_components):
    truth = mixture(n_components, 300, side=4, n_channels=20, seed=seed)
    rng = np.random.default_rng(seed)
    evidence = gather(picture(rng.poisson(truth.expected())), truth.endmembers, 0.9)
    rotation = np.eye(n_components) + 0.15 * rng.uniform(-1, 1, (n_components, n_components))
    rotation /= rotation.sum(axis=1, keepdims=True)
    rows = evidence.sides[0].rows
    found = refit(rows, rotation, np.linalg.inv(rotation))
    dictionary = np.maximum(rotation @ rows.dictionary, 1e-8).astype(np.float64)
    slow = [slow_cost(counts.astype(np.float64), dictionary) for counts in rows.counts[found.broken]]
    np.testing.assert_allclose(found.cost, slow, atol=0.05, rtol=0.05)
    np.testing.assert_array_less(
        rows.likelihood[found.broken] - found.cost, rows.likelihood[found.broken] + 1e-9
    )


def test_the_slopes_of_the_test_are_its_differences():
    truth = mixture(3, 3000)
    evidence = gather(picture(np.random.default_rng(0).poisson(truth.expected())), truth.endmembers, 0.95)
    rng = np.random.default_rng(1)
    rotation = np.eye(3) + 0.1 * rng.uniform(-1, 1, (3, 3))
    rotation /= rotation.sum(axis=1, keepdims=True)
    values, slopes = parts(evidence, rotation)
    change = 1e-5 * rng.normal(size=(3, 3))
    after, before = (parts(evidence, rotation + sign * change)[0] for sign in (1, -1))
    expected = (slopes * change).sum(axis=(1, 2))
    by_component = np.r_[:3, len(values) // 2 : len(values) // 2 + 3]  # the worst rows may change places
    assert np.abs(expected[by_component]).max() > 1e-4
    np.testing.assert_allclose(
        ((after - before) / 2)[by_component], expected[by_component], rtol=0.1, atol=2e-5
    )


def test_pure_pixels_of_spectra_without_a_common_channel_leave_nothing_open():
    """Free fits have rates of nearly zero there, of either sign."""
    endmembers = np.zeros((2, 12))
    endmembers[0, :6] = endmembers[1, 6:] = 1 / 6
    truth = bu.Factorization(endmembers, 400.0 * np.eye(2)[np.arange(64) % 2])
    for seed in range(3):
        found = bu.identify(
            bu.Unmixing(truth), picture(np.random.default_rng(seed).poisson(truth.expected()))
        )
        assert (found.overall.half_width < 0.01).all()


def test_degenerate_rotations_are_refused():
    truth = mixture(3, 300)
    evidence = gather(picture(np.random.default_rng(0).poisson(truth.expected())), truth.endmembers, 0.95)
    swapped = np.eye(3)[[1, 0, 2]]
    nearly = np.full((3, 3), 1 / 3) + 1e-4 * (np.eye(3) - 1 / 3)
    assert np.isinf(excess(evidence, np.array([swapped, nearly]))).all()


def test_the_true_rotation_passes_as_often_as_the_level_says():
    """Pure pixels and empty channels: the truth lies in a corner, and the estimate elsewhere."""
    truth = mixture(3, 1, purest=1.0, side=10)
    endmembers = np.maximum(truth.endmembers - 0.004, 0)
    truth = bu.Factorization(endmembers, 250 * truth.fractions.round(1)).canonical()
    off, rng = rotated(truth, 3), np.random.default_rng(0)
    solve = estimator(off.endmembers, truth.expected().sum(axis=0))
    rotation = truth.endmembers @ solve.T
    np.testing.assert_allclose(solve.sum(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(rotation.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(solve @ off.endmembers.T, np.eye(3), atol=1e-6)
    shrunk = np.full((3, 3), 0.04) + 0.88 * np.eye(3)
    tried = np.array([rotation, shrunk @ rotation])
    worst = np.array(
        [
            excess(gather(picture(rng.poisson(truth.expected())), off.endmembers, 0.9), tried)
            for _ in range(100)
        ]
    )
    assert (worst[:, 0] <= 1).mean() > 0.87
    assert (worst[:, 1] <= 1).mean() < 0.2


def test_known_spectra_do_not_rotate():
    truth = mixture(3, 500)
    image = picture(np.random.default_rng(1).poisson(truth.expected()))
    found = bu.identify(bu.Unmixing(truth, known=(True, False, False)), image, n_steps=8)
    assert found.known.tolist() == [True, False, False]
    np.testing.assert_array_equal(found.rotations[:, 0], np.eye(3)[:1].repeat(len(found.rotations), axis=0))
    assert (found.endmembers.half_width[0] < 1e-12).all() and found.endmembers.half_width[1:].max() > 0.001
    for result, known in (
        (bu.Unmixing(truth, known=(True,) * 3), None),
        (bu.Unmixing(truth), [True] * 3),
    ):
        point = bu.identify(result, image, known=known)
        np.testing.assert_array_equal(point.rotations, np.eye(3)[None])
        np.testing.assert_array_equal(point.fractions.half_width, 0)
        np.testing.assert_allclose(point.overall.lower, truth.abundances.sum(axis=0) / truth.abundances.sum())


def test_too_few_components_are_said():
    truth = mixture(3, 1e4, purest=1.0)
    image = picture(np.round(truth.expected()))
    amounts = truth.abundances @ np.array([[1, 0], [0, 1], [0, 1]])
    found = bu.identify(bu.Unmixing(bu.Factorization(truth.endmembers[:2], amounts)), image, n_steps=5)
    assert "The number of components or the model may be wrong" in found.warnings[0]


def test_components_that_no_count_tells_apart_leave_everything_open():
    truth = mixture(2, 200)
    image = picture(np.random.default_rng(1).poisson(truth.expected()))
    split = truth.abundances @ np.array([[1, 0, 0], [0, 0.5, 0.5]])
    found = bu.identify(bu.Unmixing(bu.Factorization(truth.endmembers[[0, 1, 1]], split)), image, n_steps=8)
    assert np.isfinite(found.rotations).all()
    assert (found.overall.half_width[1:] > 0.2).all()


def test_the_verdict_follows_the_two_thresholds():
    assert [bu.verdict(h, 1.0) for h in (0, 0.5, 0.51, 2, 2.01)] == [
        "yes",
        "yes",
        "range-only",
        "range-only",
        "no",
    ]
    assert bu.verdict(0, 0) == "yes" and bu.verdict(1e-9, 0) == "no"
    with pytest.raises(ValueError, match="must not be negative, got -1 and 1"):
        bu.verdict(-1, 1)


def test_wrong_arguments_are_one_sentence():
    truth, image, found = noise_free(2)
    result = bu.Unmixing(truth)
    with pytest.raises(TypeError, match="image must be a SpectrumImage, got ndarray"):
        bu.identify(result, image.dense())
    with pytest.raises(ValueError, match="result must be of this image, which has 36 pixels"):
        bu.identify(result, image.rebin(2))
    with pytest.raises(ValueError, match="must not be negative, and this one is"):
        bu.identify(bu.Unmixing(bu.Factorization(-truth.endmembers, truth.abundances)), image)
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1, got 95"):
        bu.identify(result, image, confidence=95)
    with pytest.raises(ValueError, match="n_steps must be a whole number, at least 1, got 0"):
        bu.identify(result, image, n_steps=0)
    with pytest.raises(ValueError, match="known must be one bool for each of the 2 components"):
        bu.identify(result, image, known=[True])
    with pytest.raises(
        ValueError, match=r"mask must be bool of shape \(12, 12\), got int64 of shape \(144,\)"
    ):
        found.fractions_of(np.ones(144, np.int64))
    with pytest.raises(ValueError, match="weight must be 'counts' or 'area', got 'volume'"):
        found.fractions_of(np.ones((12, 12), bool), "volume")

"""Feasible ranges: closed form for two components, an optimiser for three, and truths of phantoms inside."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2

import bayesunmix as bu
from bayesunmix.analysis import feasible_evidence as feasibility
from bayesunmix.analysis.feasible_evidence import estimator, excess, gather
from simulations.phantom import PHANTOMS
from simulations.trial import acquire


def mixture(n_components, counts, purest=0.75, side=12, n_channels=40, seed=0):
    """Endmembers of overlapping peaks on a rough continuum, and abundances without a pure pixel."""
    rng = np.random.default_rng(seed)
    x, centres = np.arange(n_channels), np.linspace(8, n_channels - 8, n_components)
    endmembers = np.exp(-0.5 * ((x - centres[:, None]) / 4) ** 2)
    endmembers += 0.03 * rng.gamma(2, size=endmembers.shape)
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    fractions = rng.dirichlet(np.full(n_components, 0.6), side * side)
    grey = (fractions.max() - purest) / (fractions.max() - 1 / n_components)
    fractions = np.maximum((1 - grey) * fractions + grey / n_components, 0)
    return bu.Factorization(endmembers, counts * fractions)


def picture(counts):
    side = int(np.sqrt(len(counts)))
    return bu.SpectrumImage(
        counts.astype(np.int64).reshape(side, side, -1), 1 + 0.1 * np.arange(counts.shape[1])
    )


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


@given(st.permutations(range(3)))
@settings(max_examples=5)
def test_permuting_components_permutes_the_answer(order):
    truth = mixture(3, 500)
    image = picture(np.random.default_rng(1).poisson(truth.expected()))
    found = bu.identify(bu.Unmixing(truth), image, n_steps=8)
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


def slow_excess(evidence, rotation):
    """Written out entry by entry."""
    back = np.linalg.inv(rotation)
    worst = 0.0
    halves = (
        (evidence.amounts, evidence.amount_variance, back.T, rotation, np.ones(len(rotation))),
        (evidence.spectra, evidence.spectrum_variance, rotation, back.T, evidence.amounts.mean(axis=1)),
    )
    for entries, covariance, turn, source, weight in halves:
        n_components, n = entries.shape
        turned = turn @ entries
        held = np.maximum(turned, 0)
        held = held + 0.5 / evidence.n_counts * held.sum(axis=1, keepdims=True)
        for k in range(n_components):
            squares, number = 0.0, 0
            for s in range(n):
                variance = 0.0
                for j in range(n_components):
                    mixed = sum(source[j, i] * covariance[i] for i in range(n_components))
                    variance += max(turn[k] @ mixed @ turn[k], 0) * held[j, s]
                variance *= (weight @ entries[:, s]) / (source @ weight @ held[:, s])
                if turned[k, s] < 0:
                    squares, number = squares + turned[k, s] ** 2 / variance, number + 1
            worst = max(worst, squares / evidence.critical[number])
    return worst


@given(st.integers(0, 1000), st.integers(2, 4))
@settings(max_examples=5)
def test_the_test_is_what_it_says(seed, n_components):
    truth = mixture(n_components, 300, side=4, n_channels=20, seed=seed)
    rng = np.random.default_rng(seed)
    evidence = gather(picture(rng.poisson(truth.expected())), truth.endmembers, 0.9)
    rotations = np.eye(n_components) + 0.3 * rng.uniform(-1, 1, (3, n_components, n_components))
    rotations /= rotations.sum(axis=2, keepdims=True)
    proper = np.linalg.det(rotations) > 0.01
    np.testing.assert_allclose(
        excess(evidence, rotations)[proper], [slow_excess(evidence, r) for r in rotations[proper]], rtol=2e-3
    )
    swapped = np.eye(n_components)[[1, 0, *range(2, n_components)]]
    assert excess(evidence, swapped[None])[0] == np.inf
    tail = 0.1 / (2 * n_components)
    np.testing.assert_allclose(chi2.sf(evidence.critical[1:], np.arange(1, len(evidence.critical))), tail)


def test_what_is_infinitely_unlikely_is_no_warning():
    """Single precision ends at 1e38: a quotient passes it, or only the sum of several."""
    truth = mixture(2, 300, side=4, n_channels=20)
    evidence = gather(picture(np.random.default_rng(0).poisson(truth.expected())), truth.endmembers, 0.9)
    certain = evidence._replace(amount_variance=0 * evidence.amount_variance)
    rotation = np.linalg.inv([[[3.0, -2.0], [-2.0, 3.0]]])
    found = []
    with np.errstate(over="raise"):
        for size in np.float32(10.0) ** np.arange(0, 8, 0.1, dtype=np.float32):
            found.append(excess(certain._replace(amounts=size * evidence.amounts), rotation)[0])
    assert np.isinf(found[-1]) and np.isfinite(found[0]) and found[0] > 1e20


def test_estimates_are_unbiased_whatever_the_endmembers_and_the_truth_passes(monkeypatch):
    """Pure pixels and empty channels: the truth lies in a corner, and must pass as often as the level says."""
    monkeypatch.setattr(feasibility, "LEAST_OF_GROUP", 1)
    truth = mixture(3, 1, purest=1.0, side=10)
    endmembers = np.maximum(truth.endmembers - 0.004, 0)
    truth = bu.Factorization(endmembers, 250 * truth.fractions.round(1)).canonical()
    off, rng = rotated(truth, 3), np.random.default_rng(0)
    solve = estimator(off.endmembers, truth.expected().sum(axis=0))
    rotation = truth.endmembers @ solve.T
    np.testing.assert_allclose(solve.sum(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(rotation.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(solve @ off.endmembers.T, np.eye(3), atol=1e-6)
    worst, spectra = [], []
    for _ in range(200):
        evidence = gather(picture(rng.poisson(truth.expected())), off.endmembers, 0.9)
        shrunk = np.full((3, 3), 0.04) + 0.88 * np.eye(3)
        worst.append(excess(evidence, np.array([rotation, shrunk @ rotation])))
        spectra.append(rotation @ evidence.spectra)
    worst = np.array(worst)
    assert (worst[:, 0] <= 1).mean() > 0.87
    assert (worst[:, 1] <= 1).mean() < 0.2
    mean, sd = np.mean(spectra, axis=0), np.std(spectra, axis=0) / np.sqrt(200)
    assert np.abs((mean - truth.endmembers) / np.maximum(sd, 1e-12)).max() < 5


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

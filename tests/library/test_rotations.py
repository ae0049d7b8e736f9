"""Intervals that include other solutions: what they go to, what they leave alone, and that they contain the truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.data.rotations import abundance_range, endmember_range
from simulations.phantom import PHANTOMS
from simulations.trial import acquire


def posterior_of(seed, n_components=3, rotations=None):
    rng = np.random.default_rng(seed)
    endmembers = rng.dirichlet(np.ones(12), (2, 6, n_components))
    abundances = rng.gamma(2, 10, (2, 6, 20, n_components))
    return bu.Posterior(endmembers, abundances, rotations=rotations)


def rotations_of(seed, n, n_components=3):
    rng = np.random.default_rng(seed)
    rotations = np.eye(n_components) + 0.2 * rng.uniform(-1, 1, (n, n_components, n_components))
    rotations /= rotations.sum(axis=2, keepdims=True)
    return np.concatenate([np.eye(n_components)[None], rotations])


@given(st.integers(0, 99), st.integers(0, 4))
@settings(max_examples=20)
def test_the_total_interval_goes_to_every_solution_and_on_by_its_arms(seed, n):
    rotations = rotations_of(seed, n)
    posterior = posterior_of(seed, rotations=rotations)
    mean, (inner, outer) = posterior.mean(), posterior.interval(0.9, include="counting")
    lower, upper = posterior.interval(0.9)
    assert (lower.endmembers <= inner.endmembers + 1e-12).all()
    assert (upper.abundances >= outer.abundances - 1e-9).all()
    for rotation in rotations:
        spectra = np.maximum(rotation @ mean.endmembers, 0)
        spectra /= spectra.sum(axis=1, keepdims=True)
        assert (
            lower.endmembers <= np.maximum(spectra - (mean.endmembers - inner.endmembers), 0) + 1e-12
        ).all()
        assert (
            upper.endmembers >= np.minimum(spectra + (outer.endmembers - mean.endmembers), 1) - 1e-12
        ).all()
        maps = np.clip(
            mean.abundances @ np.linalg.inv(rotation), 0, mean.abundances.sum(axis=1, keepdims=True)
        )
        assert (lower.abundances <= np.maximum(maps - (mean.abundances - inner.abundances), 0) + 1e-9).all()
        assert (upper.abundances >= maps + (outer.abundances - mean.abundances) - 1e-9).all()
    assert (lower.endmembers >= 0).all() and (upper.endmembers <= 1).all() and (lower.abundances >= 0).all()
    if n == 0:
        np.testing.assert_allclose(lower.abundances, inner.abundances)


@pytest.mark.parametrize("seed", range(3))
def test_an_upper_limit_holds_for_every_solution_too(seed):
    posterior = posterior_of(seed, rotations=rotations_of(seed, 4))
    limit, alone = posterior.upper_limit(0.95), posterior.upper_limit(0.95, include="counting")
    upper = posterior.interval(0.9)[1]  # of which 5 % lie above, as above the limit
    for name in ("endmembers", "abundances"):
        np.testing.assert_allclose(getattr(limit, name), getattr(upper, name))
        assert (getattr(alone, name) <= getattr(limit, name) + 1e-9).all()
    blind = posterior_of(seed)
    np.testing.assert_array_equal(blind.upper_limit(0.95).abundances, alone.abundances)
    with pytest.raises(ValueError, match="include must be 'total'"):
        posterior.upper_limit(0.95, include="all")


def test_blocks_of_pixels_change_nothing(monkeypatch):
    rotations, abundances = rotations_of(0, 3), np.random.default_rng(1).gamma(2, 10, (50, 3))
    whole = abundance_range(rotations, abundances)
    monkeypatch.setattr("bayesunmix.data.rotations.BLOCK_ENTRIES", 30)
    np.testing.assert_allclose(abundance_range(rotations, abundances), whole)


def test_reordered_components_take_their_rotations_along():
    posterior, order = posterior_of(0, rotations=rotations_of(0, 4)), np.array([2, 0, 1])
    moved = posterior.reorder(order)
    for before, after in zip(posterior.interval(0.9), moved.interval(0.9), strict=True):
        np.testing.assert_allclose(after.endmembers, before.endmembers[order])
        np.testing.assert_allclose(after.abundances, before.abundances[:, order])


def test_wrong_rotations_and_unknown_words_are_one_sentence():
    posterior = posterior_of(0)
    with pytest.raises(
        ValueError, match=r"include must be 'total' .* or 'counting' .*, got 'all'; choose one"
    ):
        posterior.interval(0.9, include="all")
    for wrong in (2 * rotations_of(0, 2), rotations_of(0, 2, 2), np.zeros((0, 3, 3))):
        with pytest.raises(ValueError, match=r"rotations must be .n, 3, 3. with rows that sum to one"):
            replace(posterior, rotations=wrong)


def test_known_spectra_have_no_range():
    mean = posterior_of(0).mean()
    low, high = endmember_range(np.eye(3)[None], mean.endmembers)
    np.testing.assert_allclose(low, high)


@pytest.mark.parametrize("seed", [0, 1])
def test_totals_contain_the_truth_of_a_mixture(seed, tmp_path):
    """No pixel is purer than 0.7: the counts do not tell the split."""
    trial = acquire(PHANTOMS["nicr_mixed"](shape=(24, 32), n_channels=300), 50, seed)
    result = bu.unmix(trial.image, 3, "fisher_joint", seed=seed)
    bu.save_result(result, tmp_path / "result.nc")
    result = bu.load_result(tmp_path / "result.nc")
    result = result.reorder(bu.match(trial.truth.endmembers, result.estimate.endmembers))
    truth = trial.truth.abundances
    lower, upper = result.posterior.interval(0.9)
    assert ((lower.abundances <= truth) & (truth <= upper.abundances)).mean() > 0.9
    peaks = trial.truth.endmembers > 0.005
    spectra = trial.truth.endmembers
    assert ((lower.endmembers <= spectra) & (spectra <= upper.endmembers))[peaks].mean() > 0.9
    whole = bu.region(result, trial.image, np.ones(trial.image.navigation_shape, bool))
    narrow = bu.region(result, trial.image, np.ones(trial.image.navigation_shape, bool), include="counting")
    shares = truth.sum(axis=0) / truth.sum()
    for content, inside, share in zip(whole.components, narrow.components, shares, strict=True):
        assert content.fraction.lower <= share <= content.fraction.upper <= 1
        assert content.fraction.lower < inside.fraction.lower < inside.fraction.upper < content.fraction.upper
    assert "a range" in repr(whole) and "a range" in repr(result)

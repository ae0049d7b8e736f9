"""Known answers of the metrics of posterior draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesunmix import Factorization, Posterior, Unmixing
from benchmarks.metric import METRICS
from benchmarks.scoring.coverage import active
from benchmarks.scoring.pairing import align
from benchmarks.scoring.pit import PIT_BINS, pit_histogram
from simulations import PHANTOMS, Trial, acquire


@pytest.fixture(scope="module")
def trial() -> Trial:
    return acquire(PHANTOMS["nicr_film"](shape=(6, 20), n_channels=60, pixel_nm=12.0), 30, 0)


def score(name, trial, draws) -> float:
    """Score draws of the abundances, (chain, draw, P, J)."""
    return METRICS[name].score(trial, unmixing(trial, draws))


def unmixing(trial, draws) -> Unmixing:
    truth = trial.truth
    n_extra = draws.shape[-1] - truth.n_components
    endmembers = np.pad(truth.endmembers, [(0, max(n_extra, 0)), (0, 0)])[: draws.shape[-1]]
    endmembers[truth.n_components :] = 1 / truth.endmembers.shape[1]
    posterior = Posterior(np.broadcast_to(endmembers, (*draws.shape[:2], *endmembers.shape)), draws)
    estimate = Factorization(endmembers, draws.mean((0, 1)))
    return align(truth, Unmixing(estimate, posterior))


def test_active_entries_are_true_fractions_above_a_twentieth(trial):
    truth = trial.truth.abundances
    np.testing.assert_array_equal(active(trial), truth > 0.05 * truth.sum(axis=1, keepdims=True))
    assert 0 < active(trial)[trial.phantom.specimen].mean() < 1
    dead = Trial(
        trial.image, Factorization(trial.truth.endmembers, 0 * trial.truth.abundances), trial.phantom, 30.0
    )
    assert not active(dead).any(), "a pixel that expects nothing"
    draws = np.ones((1, 20, *trial.truth.abundances.shape))
    for name in ("coverage_50", "coverage_90", "coverage_95", "pit_distance"):
        assert np.isnan(score(name, dead, draws))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_coverage_is_that_of_the_interval_of_the_posterior(trial, level):
    truth = trial.truth.abundances
    rng = np.random.default_rng(0)
    draws = rng.gamma(truth * rng.uniform(0.3, 1.7, truth.shape) + 0.1, size=(2, 100, *truth.shape))
    low, high = Posterior(np.ones((2, 100, 3, 60)), draws).interval(level)
    expected = ((low.abundances <= truth) & (truth <= high.abundances))[active(trial)].mean()
    assert 0 < expected < 1
    assert score(f"coverage_{100 * level:.0f}", trial, draws) == expected


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), extra=st.integers(-1, 1))
def test_interval_score_is_that_of_its_definition_entry_by_entry(trial, seed, extra):
    rng = np.random.default_rng(seed)
    n_pixels, n = trial.truth.abundances.shape
    base = np.pad(trial.truth.abundances, [(0, 0), (0, 1)])[:, : n + extra]
    draws = rng.gamma(base * rng.uniform(0.5, 1.5) + 0.1, size=(2, 20, n_pixels, n + extra))
    truth = np.pad(trial.truth.abundances, [(0, 0), (0, 1)])[:, : n + max(extra, 0)]
    total = 0.0
    for p in np.flatnonzero(trial.phantom.specimen):
        for k, y in enumerate(truth[p]):
            low, high = (
                np.quantile(draws[:, :, p, k], [0.05, 0.95], method="weibull") if k < n + extra else (0, 0)
            )
            total += high - low + 20 * max(low - y, 0) + 20 * max(y - high, 0)
    expected = total / trial.truth.abundances[trial.phantom.specimen].sum()
    assert score("interval_score", trial, draws) == pytest.approx(expected, rel=1e-9)


def test_no_other_width_beats_the_honest_one(trial):
    rng = np.random.default_rng(0)
    truth = trial.truth.abundances
    centre = truth + 2 * rng.standard_normal(truth.shape)
    noise = rng.standard_normal((1, 400, *truth.shape))
    scores = {width: score("interval_score", trial, centre + width * noise) for width in (1.2, 2, 3.4)}
    assert min(scores, key=scores.get) == 2


def test_pit_distance_is_the_kolmogorov_distance_of_the_ranks(trial):
    """Against SciPy's, of PITs spread evenly within their rank: equal but for the steps of the ranks."""
    rng = np.random.default_rng(0)
    truth = trial.truth.abundances
    draws = rng.gamma(2 * truth + 0.5, 0.5, size=(2, 200, *truth.shape))
    rank = (draws < truth).sum(axis=(0, 1))[active(trial)]
    pit = (rank[:, None] + (np.arange(50) + 0.5) / 50).ravel() / 401
    expected = stats.kstest(pit, "uniform").statistic
    assert expected > 0.05
    assert score("pit_distance", trial, draws) == pytest.approx(expected, abs=1e-3)
    of_bins = np.histogram(pit, PIT_BINS, (0, 1))[0] / pit.size
    np.testing.assert_allclose(pit_histogram(trial, unmixing(trial, draws)), of_bins, atol=1e-3)


@pytest.mark.parametrize(
    ("shift", "expected"), [(1000.0, 20 / 21), (-1000.0, 20 / 21), (0.0, 0.5)], ids=["above", "below", "tied"]
)
def test_pit_distance_of_draws_that_all_miss_on_one_side(trial, shift, expected):
    """All truths at one of the 21 ranks; draws that equal the truth are on neither side."""
    draws = np.repeat((trial.truth.abundances + shift)[None, None], 20, axis=1)
    assert score("pit_distance", trial, draws) == pytest.approx(expected, abs=0.5 / 21 + 1e-12)


def test_a_missing_component_is_never_covered(trial):
    truth, asked = trial.truth.abundances, active(trial)
    grid = np.linspace(0, 2, 101)[None, :, None, None]
    missing = score("coverage_90", trial, (grid * truth)[..., :2])
    assert missing == pytest.approx(asked[:, :2].sum() / asked.sum())

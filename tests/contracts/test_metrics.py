"""Metrics: what every one keeps, and known answers of each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from bayesunmix import Factorization, Posterior, Unmixing
from benchmarks.cost import CellCost
from benchmarks.metric import METRICS
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, Trial, acquire

COST = CellCost(fit_seconds=1.5, compile_seconds=0.5, peak_mib=300.0)
# What has a truth needs no map of line_map_error; tests/benchmarks/test_recordings.py asks for it.
SCORES = sorted(name for name, metric in METRICS.items() if not metric.is_cost and name != "line_map_error")
# Fresh photons are those of the phantom, whatever numbers a test gives its components or its pixels.
OF_THE_TRUTH = sorted({*SCORES} - {"held_out_deviance"})
WITHOUT_PLACE = sorted({*OF_THE_TRUTH} - {"boundary_error"})


@pytest.fixture(scope="module")
def trial() -> Trial:
    return acquire(PHANTOMS["nicr_film"](shape=(6, 20), n_channels=60, pixel_nm=12.0), 30, 0)


def result(endmembers, abundances, n_draws=40, seed=0) -> Unmixing:
    """A result with a posterior of log-normal draws around its estimate."""
    rng = np.random.default_rng(seed)
    shape = (2, n_draws // 2)
    e = endmembers * np.exp(0.1 * rng.standard_normal((*shape, *endmembers.shape)))
    a = abundances * np.exp(0.25 * rng.standard_normal((*shape, *abundances.shape)))
    return Unmixing(Factorization(endmembers, abundances).canonical(), Posterior(e, a))


def noisy(trial, seed=0, n_components=3) -> Unmixing:
    rng = np.random.default_rng(seed)
    truth = trial.truth
    endmembers = np.abs(truth.endmembers + 0.01 * rng.standard_normal(truth.endmembers.shape))
    abundances = rng.poisson(truth.abundances + 0.2).astype(float)
    extra = n_components - truth.n_components
    if extra > 0:
        endmembers = np.vstack([endmembers, rng.random((extra, endmembers.shape[1]))])
        abundances = np.hstack([abundances, 0.1 * rng.random((len(abundances), extra))])
    return result(endmembers[:n_components], abundances[:, :n_components])


def score(name, trial, unmixing) -> float:
    return METRICS[name].score(trial, COST if METRICS[name].is_cost else unmixing)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_has_a_meaning_and_the_name_of_its_file(name, trial):
    metric = METRICS[name]
    assert metric.score.__name__ == name
    assert metric.score.__module__ == f"benchmarks.metrics.{name}"
    assert metric.label
    assert metric.best in ("low", "high") or isinstance(metric.best, float)
    assert isinstance(score(name, trial, noisy(trial)), float)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("n_components", [1, 2, 3, 5])
def test_any_number_of_components_is_scored(name, n_components, trial):
    assert np.isfinite(score(name, trial, align(trial.truth, noisy(trial, n_components=n_components))))


@pytest.mark.parametrize("name", SCORES)
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(3)))
def test_the_numbering_of_components_changes_nothing(name, order, trial):
    unmixing = noisy(trial)
    shuffled = align(trial.truth, unmixing.reorder(np.array(order)))
    assert score(name, trial, shuffled) == pytest.approx(score(name, trial, unmixing), rel=1e-11)


@pytest.mark.parametrize("name", OF_THE_TRUTH)
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(3)))
def test_the_numbering_of_the_truth_changes_nothing(name, order, trial):
    unmixing = noisy(trial)
    truth = trial.truth.reorder(np.array(order))
    same = Trial(trial.image, truth, trial.phantom, trial.dose)
    assert score(name, same, align(truth, unmixing)) == pytest.approx(score(name, trial, unmixing), rel=1e-11)


@pytest.mark.parametrize("name", WITHOUT_PLACE)
def test_the_order_of_pixels_changes_nothing(name, trial):
    # Within the specimen: the phantom's own mask stays where it is.
    pixels = np.arange(len(trial.truth.abundances))
    inside = np.flatnonzero(trial.phantom.specimen)
    pixels[inside] = np.random.default_rng(1).permutation(inside)
    unmixing = noisy(trial)
    posterior = Posterior(unmixing.posterior.endmembers, unmixing.posterior.abundances[:, :, pixels])
    moved = Unmixing(
        Factorization(unmixing.estimate.endmembers, unmixing.estimate.abundances[pixels]), posterior
    )
    truth = Factorization(trial.truth.endmembers, trial.truth.abundances[pixels])
    same = Trial(trial.image, truth, trial.phantom, trial.dose)
    assert score(name, same, moved) == pytest.approx(score(name, trial, unmixing), rel=1e-12)


@pytest.mark.parametrize("name", [name for name in SCORES if not METRICS[name].needs_posterior])
def test_the_truth_itself_is_perfect(name, trial):
    best = 1 if METRICS[name].best == "high" else 0
    if "deviance" in name:
        # Vacuum is the one place where the floor of the deviance shows.
        floor = 1e-3 * trial.truth.abundances.sum() / len(trial.truth.abundances)
        best = 2 * floor * (~trial.phantom.specimen).sum() / trial.phantom.specimen.sum()
    assert score(name, trial, Unmixing(trial.truth)) == pytest.approx(best, rel=0.05, abs=1e-6)


def test_a_missing_component_is_at_right_angles_and_empty(trial):
    truth = trial.truth
    lacking = align(truth, Unmixing(Factorization(truth.endmembers[:2], truth.abundances[:, :2])))
    assert score("spectral_angle_worst", trial, lacking) == 90
    assert score("spectral_angle", trial, lacking) == pytest.approx(30)
    where = trial.phantom.specimen
    expected = (
        np.sqrt((truth.abundances[where, 2] ** 2).sum() / (3 * where.sum())) / truth.abundances[where].mean()
    )
    assert score("abundance_rmse", trial, lacking) == pytest.approx(expected)


def test_a_missing_first_component_is_not_taken_for_the_last(trial):
    truth = trial.truth
    lacking = align(truth, Unmixing(Factorization(truth.endmembers[1:], truth.abundances[:, 1:])))
    np.testing.assert_array_equal(lacking.estimate.abundances[:, 1:], truth.abundances[:, 1:])
    assert not lacking.estimate.abundances[:, 0].any()


def test_extra_components_come_last_and_cost_no_angle(trial):
    truth = trial.truth
    flat = np.full((1, truth.endmembers.shape[1]), 1 / truth.endmembers.shape[1])
    extra = Factorization(
        np.vstack([flat, truth.endmembers]),
        np.hstack([np.ones((len(truth.abundances), 1)), truth.abundances]),
    )
    aligned = align(truth, Unmixing(extra))
    assert score("spectral_angle", trial, aligned) == pytest.approx(0, abs=1e-6)
    mean = truth.abundances[trial.phantom.specimen].mean()
    assert score("abundance_rmse", trial, aligned) == pytest.approx(np.sqrt(1 / 3) / mean), "error in full"
    assert score("deviance", trial, aligned) > 0.1


def with_component(unmixing: Unmixing, where: int, endmember, abundances, draws) -> Unmixing:
    """Insert a component as number `where`, with the given spectrum, map and draws of the map."""
    old, posterior = unmixing.estimate, unmixing.posterior
    spectra = np.broadcast_to(endmember, (*posterior.endmembers.shape[:2], 1, old.endmembers.shape[1]))
    order = np.insert(np.arange(old.n_components), where, old.n_components)
    return Unmixing(
        Factorization(np.vstack([old.endmembers, endmember]), np.column_stack([old.abundances, abundances])),
        Posterior(
            np.concatenate([posterior.endmembers, spectra], axis=2),
            np.concatenate([posterior.abundances, draws[..., None]], axis=3),
        ),
    ).reorder(order)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("n_components", [2, 3, 4])
@settings(max_examples=5, deadline=None)
@given(where=st.integers(0, 2), like=st.integers(0, 2))
def test_a_component_without_abundance_changes_no_score(name, n_components, where, like, trial):
    """Even where its spectrum is that of a true component."""
    unmixing = noisy(trial, n_components=n_components)
    nothing = np.zeros(len(trial.truth.abundances))
    more = with_component(
        unmixing,
        where,
        trial.truth.endmembers[like],
        nothing,
        np.zeros((*unmixing.posterior.abundances.shape[:2], nothing.size)),
    )
    before, after = (score(name, trial, align(trial.truth, u)) for u in (unmixing, more))
    assert after == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        *("abundance_bias", "abundance_rmse", "fraction_error", "rank_hit"),
        *("area_fraction_error", "boundary_error", "dice", "dice_worst", "phase_agreement"),
        *("coverage_90", "coverage_95", "crps", "interval_score"),
    ],
)
@pytest.mark.parametrize("k", range(3))
def test_a_component_split_in_two_scores_worse(name, k, trial):
    """Half of the pixels of a component, chosen like a chess board, go to a second one of the same spectrum."""
    unmixing = noisy(trial)
    odd = np.indices(trial.phantom.navigation_shape).sum(axis=0).ravel() % 2 == 1
    split = with_component(
        unmixing,
        3,
        unmixing.estimate.endmembers[k],
        np.where(odd, unmixing.estimate.abundances[:, k], 0),
        np.where(odd, unmixing.posterior.abundances[..., k], 0),
    )
    split.estimate.abundances[odd, k] = 0
    split.posterior.abundances[:, :, odd, k] = 0
    before, after = (score(name, trial, align(trial.truth, u)) for u in (unmixing, split))
    worse = METRICS[name].badness
    assert worse(after) > worse(before)


def test_labels_of_a_method_are_scored_as_they_are_and_follow_the_components(trial):
    truth = trial.truth
    labels = np.where(trial.phantom.specimen, truth.abundances.argmax(axis=1), -1)
    hard = Unmixing(Factorization(truth.endmembers, np.ones_like(truth.abundances)), labels=labels)
    for name in ("phase_agreement", "dice", "dice_worst"):
        assert score(name, trial, align(truth, hard)) == 1
    for name in ("boundary_error", "area_fraction_error"):
        assert score(name, trial, align(truth, hard)) == 0
    order = np.array([2, 0, 1])
    shuffled = hard.reorder(order)
    np.testing.assert_array_equal(shuffled.labels == -1, labels == -1)
    np.testing.assert_array_equal(order[shuffled.labels[labels >= 0]], labels[labels >= 0])
    np.testing.assert_array_equal(align(truth, shuffled).labels, labels)
    unassigned = Unmixing(hard.estimate, labels=np.full_like(labels, -1))
    assert score("phase_agreement", trial, align(truth, unassigned)) == 0
    assert score("dice", trial, align(truth, unassigned)) == 0
    assert score("area_fraction_error", trial, align(truth, unassigned)) == 1


def test_spectral_angle_of_a_known_rotation(trial):
    """Turning one endmember by 6 degrees towards a direction that is at right angles to it."""
    endmembers = trial.truth.endmembers.copy()
    first = endmembers[0] / np.linalg.norm(endmembers[0])
    other = np.random.default_rng(0).standard_normal(first.size)
    other -= (other @ first) * first
    other /= np.linalg.norm(other)
    endmembers[0] = np.cos(np.radians(6)) * first + np.sin(np.radians(6)) * other
    turned = Unmixing(Factorization(endmembers, trial.truth.abundances))
    assert score("spectral_angle", trial, turned) == pytest.approx(2, rel=1e-6)
    assert score("spectral_angle_worst", trial, turned) == pytest.approx(6, rel=1e-6)


def test_abundance_rmse_of_a_known_error(trial):
    mean = trial.truth.abundances[trial.phantom.specimen].mean()
    off = Unmixing(Factorization(trial.truth.endmembers, trial.truth.abundances + 0.25 * mean))
    assert score("abundance_rmse", trial, off) == pytest.approx(0.25)


def test_deviance_is_twice_the_likelihood_ratio_of_scipy(trial):
    """At a whole-number mean the saturated likelihood is SciPy's Poisson probability of that number."""
    truth = Factorization(np.eye(3), np.array([[4.0, 1, 7], [2, 9, 3], [5, 5, 1]]))
    estimate = Factorization(np.eye(3), np.array([[3.0, 2, 8], [2, 7, 3], [6, 4, 2]]))
    phantom = type("P", (), {"specimen": np.ones(3, bool)})()
    small = Trial(trial.image, truth, phantom, 1.0)
    m, mu = truth.expected(), estimate.expected()
    expected = 2 * (stats.poisson.logpmf(m, m) - stats.poisson.logpmf(m, mu)).sum() / 3
    assert score("deviance", small, Unmixing(estimate)) == pytest.approx(expected, rel=1e-12)


def test_deviance_of_a_signed_or_empty_estimate_is_dear_but_finite(trial):
    signed = Unmixing(Factorization(trial.truth.endmembers, -trial.truth.abundances))
    empty = Unmixing(Factorization(trial.truth.endmembers, np.zeros_like(trial.truth.abundances)))
    fair = score("deviance", trial, noisy(trial))
    assert np.isfinite(score("deviance", trial, signed))
    assert score("deviance", trial, signed) == score("deviance", trial, empty) > 5 * fair


@pytest.mark.parametrize("name", SCORES)
def test_no_score_depends_on_the_size_of_blocks(name, trial, monkeypatch):
    unmixing = noisy(trial)
    whole = score(name, trial, unmixing)
    monkeypatch.setattr("benchmarks.scoring.expected_counts._ENTRIES_PER_BLOCK", 7 * 60)
    monkeypatch.setattr("bayesunmix.data.draws.VALUES_PER_BLOCK", 40 * 3 * 11)
    assert score(name, trial, unmixing) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_phase_agreement_is_that_of_scikit_learn(trial, seed):
    where = trial.phantom.specimen
    unmixing = noisy(trial, seed, n_components=2 + seed % 4)
    truth, estimate = (f.abundances[where] for f in (trial.truth, unmixing.estimate))
    # A pixel in which nothing is found is in no phase, not in the first.
    found = np.where(estimate.any(axis=1), estimate.argmax(axis=1), -1)
    expected = adjusted_rand_score(truth.argmax(axis=1), found)
    assert score("phase_agreement", trial, unmixing) == pytest.approx(expected, abs=1e-12)


def test_a_constant_phase_map_agrees_no_better_than_chance(trial):
    same = Unmixing(Factorization(trial.truth.endmembers, np.ones_like(trial.truth.abundances) * [3, 2, 1]))
    assert score("phase_agreement", trial, same) == 0


@pytest.mark.parametrize("n", [2, 5, 400])
def test_crps_is_fair_its_mean_is_the_closed_form_of_a_gaussian(trial, n):
    """Gneiting and Raftery 2007, equation 21: the fair estimator is right on average for any number of draws."""
    rng = np.random.default_rng(3)
    truth = trial.truth
    centre, sd = truth.abundances + 0.7, 2.0
    scores = []
    for _ in range(20):
        draws = centre + sd * rng.standard_normal((1, n, *centre.shape))
        posterior = Posterior(np.repeat(truth.endmembers[None, None], n, axis=1), draws)
        scores.append(score("crps", trial, Unmixing(truth, posterior)))
    z = -0.7 / sd
    exact = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    exact /= truth.abundances[trial.phantom.specimen].mean()
    assert abs(np.mean(scores) - exact) < 4 * stats.sem(scores)
    assert stats.sem(scores) < 0.02 * exact


def test_crps_of_identical_draws_is_the_absolute_error(trial):
    truth = trial.truth
    draws = np.repeat((truth.abundances + 1.0)[None, None], 6, axis=1)
    posterior = Posterior(np.repeat(truth.endmembers[None, None], 6, axis=1), draws)
    mean = truth.abundances[trial.phantom.specimen].mean()
    assert score("crps", trial, Unmixing(truth, posterior)) == pytest.approx(1 / mean)


def test_coverage_counts_active_entries_inside_their_interval(trial):
    """Draws on a grid from 0 to 2 a cover every active entry a; shifted above it, none."""
    truth = trial.truth
    grid = np.linspace(0, 2, 101)[None, :, None, None]
    endmembers = np.repeat(truth.endmembers[None, None], 101, axis=1)
    around = Posterior(endmembers, grid * truth.abundances)
    above = Posterior(endmembers, grid * truth.abundances + truth.abundances)
    for name in ("coverage_50", "coverage_90", "coverage_95"):
        assert score(name, trial, Unmixing(truth, around)) == 1
        assert score(name, trial, Unmixing(truth, above)) == 0


def test_calibrated_draws_have_the_coverage_of_their_level_and_no_pit_distance(trial):
    rng = np.random.default_rng(0)
    truth = trial.truth
    centre = truth.abundances + 3 * rng.standard_normal(truth.abundances.shape)
    draws = centre + 3 * rng.standard_normal((1, 2000, *centre.shape))
    posterior = Posterior(np.repeat(truth.endmembers[None, None], 2000, axis=1), draws)
    active = (truth.fractions[trial.phantom.specimen] > 0.05).sum()
    for level in (0.5, 0.9, 0.95):
        name, bound = f"coverage_{100 * level:.0f}", 4 * np.sqrt(level * (1 - level) / active)
        assert METRICS[name].best == level
        assert score(name, trial, Unmixing(truth, posterior)) == pytest.approx(level, abs=bound)
    # The Kolmogorov distance of n numbers exceeds 1.95 / sqrt(n) once in a thousand times.
    assert score("pit_distance", trial, Unmixing(truth, posterior)) < 1.95 / np.sqrt(active)


@pytest.mark.parametrize(("name", "value"), COST._asdict().items())
def test_costs_are_those_of_the_cell(name, value, trial):
    assert METRICS[name].is_cost
    assert METRICS[name].score(trial, COST) == value


def test_photons_per_second_are_those_of_the_image_and_the_fit(trial):
    photons = trial.image.counts.toarray().sum()
    assert METRICS["photons_per_second"].score(trial, COST) == photons / COST.fit_seconds

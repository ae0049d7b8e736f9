"""Known answers of the metrics of endmembers and of what can be read off them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from scipy.stats import entropy

from bayesunmix import Factorization, Unmixing
from benchmarks.metric import METRICS
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, Trial, acquire


@pytest.fixture(scope="module")
def trial() -> Trial:
    return acquire(PHANTOMS["nicr_film"](shape=(6, 20), n_channels=300, pixel_nm=12.0), 30, 0)


def score(name, trial, endmembers, abundances=None) -> float:
    abundances = trial.truth.abundances if abundances is None else abundances
    return METRICS[name].score(trial, align(trial.truth, Unmixing(Factorization(endmembers, abundances))))


def spectra(trial, seed) -> np.ndarray:
    """Spectra near the true ones, well above the floor."""
    rng = np.random.default_rng(seed)
    near = trial.truth.endmembers * np.exp(0.3 * rng.standard_normal(trial.truth.endmembers.shape)) + 1e-4
    return near / near.sum(axis=1, keepdims=True)


@given(seed=st.integers(0, 50))
def test_divergence_is_the_relative_entropy_both_ways(trial, seed):
    truth, found = spectra(trial, seed), spectra(trial, seed + 100)
    known = Trial(trial.image, Factorization(truth, trial.truth.abundances), trial.phantom, 30.0)
    expected = (entropy(truth, found, axis=1) + entropy(found, truth, axis=1)).mean()
    assert score("spectral_divergence", known, found) == pytest.approx(expected, rel=1e-9)


def test_divergence_grows_from_near_over_flat_to_missing(trial):
    truth = trial.truth.endmembers
    n_channels = truth.shape[1]
    flat = np.full_like(truth, 1 / n_channels)
    scores = [score("spectral_divergence", trial, e) for e in (spectra(trial, 0), flat, 0 * truth)]
    assert 0 < scores[0] < 0.1 < 1 < scores[1] < scores[2] < np.inf
    signed = score("spectral_divergence", trial, np.where(truth < 1e-4, -truth, truth))
    assert signed == score("spectral_divergence", trial, np.where(truth < 1e-4, 0, truth)) < scores[1]


def test_distance_is_the_share_of_counts_in_wrong_channels(trial):
    """A tenth of each spectrum goes to channels where it has nothing."""
    truth = np.array([[1.0, 0, 0, 0], [0, 0.5, 0.5, 0]])
    found = np.array([[0.9, 0, 0, 0.1], [0, 0.45, 0.45, 0.1]])
    known = Trial(trial.image, Factorization(truth, np.ones((120, 2))), trial.phantom, 1.0)
    assert score("endmember_distance", known, found, np.ones((120, 2))) == pytest.approx(0.1)
    assert score("endmember_distance", known, found[::-1], np.ones((120, 2))) == pytest.approx(0.1), "aligned"
    assert score("endmember_distance", known, found[:1], np.ones((120, 1))) == pytest.approx((0.1 + 1) / 2)


def test_a_subspace_is_found_whatever_its_basis(trial):
    truth = trial.truth
    mixing = np.random.default_rng(0).standard_normal((3, 3))
    assert score("subspace_angle", trial, mixing @ truth.endmembers) == pytest.approx(0, abs=1e-5)
    more = np.vstack([mixing @ truth.endmembers, np.eye(300)[7]])
    assert score("subspace_angle", trial, more, np.ones((120, 4))) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("found", [np.eye(300)[:2], np.zeros((3, 300)), np.tile(np.arange(300.0), (3, 1))])
def test_too_few_dimensions_miss_a_direction(trial, found):
    assert score("subspace_angle", trial, found, np.ones((120, len(found)))) == 90


@given(degrees=st.floats(0.01, 80), seed=st.integers(0, 20))
def test_subspace_angle_of_a_known_rotation(trial, degrees, seed):
    """One direction of the true span is turned out of it; the others stay."""
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((300, 4)))[0].T
    known = Trial(trial.image, Factorization(basis[:3], trial.truth.abundances), trial.phantom, 30.0)
    angle = np.radians(degrees)
    turned = np.vstack([basis[:2], np.cos(angle) * basis[2] + np.sin(angle) * basis[3]])
    assert score("subspace_angle", known, turned) == pytest.approx(degrees, rel=1e-6)
    assert np.degrees(subspace_angles(basis[:3].T, turned.T).max()) == pytest.approx(degrees, rel=1e-6)


def test_net_counts_survive_any_mixing_of_components(trial):
    """As PCA mixes them: signed, and with other abundances to match."""
    truth = trial.truth
    mixing = np.random.default_rng(0).standard_normal((3, 3))
    mixed = score(
        "line_intensity_error", trial, mixing @ truth.endmembers, truth.abundances @ np.linalg.inv(mixing)
    )
    assert mixed == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("k", range(3))
def test_a_missing_component_takes_the_net_counts_along_that_the_phantom_states(trial, k):
    others = [j for j in range(3) if j != k]
    truth, where = trial.truth, trial.phantom.specimen
    net = np.stack([truth.abundances[where] @ share for share in trial.phantom.line_shares.values()])
    expected = np.sqrt((net[k] ** 2).sum() / net.size) / net.mean()
    found = score("line_intensity_error", trial, truth.endmembers[others], truth.abundances[:, others])
    assert found == pytest.approx(expected, rel=0.01)


def test_a_continuum_taken_for_lines_is_no_error(trial):
    """Twice the continuum under all lines: not one net count is wrong, and the deviance sees it."""
    truth = trial.truth
    smooth = 1 / trial.phantom.energy_kev
    endmembers = np.vstack([truth.endmembers, smooth / smooth.sum()])
    abundances = np.column_stack([truth.abundances, 0.1 * truth.abundances.sum(axis=1)])
    assert score("line_intensity_error", trial, endmembers, abundances) < 0.003
    assert score("deviance", trial, endmembers, abundances) > 0.1


def test_an_overlap_is_told_apart():
    """Counts of O K moved to Cr L, one full width away, are errors of both families."""
    phantom = PHANTOMS["overlapping_lines"]()
    trial = acquire(phantom, 20, 0)
    found = score("line_intensity_error", trial, np.roll(trial.truth.endmembers, 5, axis=1))
    assert found > 0.3, "a shift of 50 eV puts counts of L lines into their neighbours"


@pytest.mark.parametrize(("family", "is_scored"), [("Ti_K", True), ("Ni_L", True), ("Ti_L", False)])
def test_soft_families_are_not_scored(family, is_scored):
    """Ti L lies at 0.45 keV."""
    phantom = PHANTOMS["thickness_wedge"]()
    trial = acquire(dataclasses.replace(phantom, line_shares={family: np.array([0.1, 0.1])}), 20, 0)
    assert np.isfinite(score("line_intensity_error", trial, trial.truth.endmembers)) == is_scored


def test_a_phantom_without_lines_has_no_error_of_theirs(trial):
    bare = dataclasses.replace(trial.phantom, line_shares={})
    below = dataclasses.replace(trial.phantom, line_shares={"C_K": np.array([0.1, 0.1, 0.1])})
    for phantom in (bare, below):
        none = Trial(trial.image, trial.truth, phantom, trial.dose)
        assert np.isnan(score("line_intensity_error", none, trial.truth.endmembers))

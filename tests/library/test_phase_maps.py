"""Phase maps: pixels are called by composition, whatever the rotation; labels only above the level, vacuum left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.analysis.compositions import find_phases
from bayesunmix.analysis.phase_maps import NONE, UNDECIDED, specimen_of
from bayesunmix.analysis.phases import Area
from bayesunmix.data.image import Axis, Grid
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.plotting.phase_map import plot_phase_map

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"


def result(abundances, shape=None, n_channels=6):
    """A result with these (chain, draw, P, K) draws of the abundances; its spectra differ."""
    n_components = abundances.shape[3]
    endmembers = np.full((n_components, n_channels), 0.05) + 0.7 * np.eye(n_components, n_channels)
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    draws = np.broadcast_to(endmembers, (*abundances.shape[:2], *endmembers.shape))
    axes = tuple(Axis(f"axis_{i}") for i in range(len(shape or ())))
    spectral = SpectralAxis(np.arange(1.0, n_channels + 1))
    grid = None if shape is None else Grid(spectral, (*shape, n_channels), axes)
    estimate = bu.Factorization(endmembers, abundances.mean((0, 1)))
    return bu.Unmixing(estimate, bu.Posterior(draws, abundances), grid=grid)


def image_of(result):
    n_pixels, n_channels = len(result.estimate.abundances), result.estimate.endmembers.shape[1]
    shape = (n_pixels, n_channels) if result.grid is None else result.grid.shape
    return bu.SpectrumImage(np.ones(shape, int), np.arange(1.0, n_channels + 1))


def phase_map(result, **options):
    """Of a result on the image that it claims to be of."""
    return bu.phase_map(result, image_of(result), **options)


def phases(seed, purity=0.9, sd=0.05, n_pixels=60, n_draws=30):
    """Draws of pixels that belong to three phases, 3:2:1, each mostly one component; and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n_pixels) % 6 // 3 + (np.arange(n_pixels) % 6 == 5))
    means = np.full((3, 3), (1 - purity) / 2) + np.eye(3) * (purity - (1 - purity) / 2)
    own = means[truth] * rng.gamma(400, 1 / 400, (n_pixels, 3))
    return 40 * own * rng.gamma(sd**-2, sd**2, (2, n_draws, n_pixels, 3)), truth


def turned(one, rotation):
    """The same counts, split otherwise: A T^-1 and T E, in the estimate and in all draws."""
    back = np.linalg.inv(rotation)
    posterior = one.posterior
    draws = replace(
        posterior, endmembers=rotation @ posterior.endmembers, abundances=posterior.abundances @ back
    )
    estimate = bu.Factorization(rotation @ one.estimate.endmembers, one.estimate.abundances @ back)
    return replace(one, estimate=estimate, posterior=draws)


@given(st.integers(0, 50), st.floats(0.51, 0.99))
@settings(max_examples=15)
def test_probabilities_are_shares_of_draws_and_labels_follow(seed, level):
    draws, truth = phases(seed, sd=0.3)
    found = phase_map(result(draws, (3, 4, 5)), at_least=level, specimen=np.ones((3, 4, 5), bool))
    assert found.labels.shape == (3, 4, 5) and found.probability.shape == (3, 4, 5, 3)
    np.testing.assert_allclose(found.probability.sum(axis=-1), 1)
    np.testing.assert_allclose((found.probability * 60) % 1, 0, atol=1e-9)  # shares of 60 draws
    probability, labels = found.probability.reshape(60, 3), found.labels.ravel()
    decided = labels >= 0
    np.testing.assert_array_equal(labels[decided], probability.argmax(axis=1)[decided])
    assert (probability.max(axis=1)[decided] >= level).all()
    assert (labels[probability.max(axis=1) < level] == UNDECIDED).all()
    assert (labels[decided] == truth[decided]).mean() > 0.9
    assert found.undecided == np.mean(found.labels == UNDECIDED)
    np.testing.assert_allclose(found.areas.mean(axis=0), probability.mean(axis=0))


@pytest.mark.parametrize("seed", range(4))
def test_a_rotation_changes_nothing(seed):
    """The largest share of counts would: a phase of which one component makes 40 % loses all its pixels."""
    one = result(phases(seed, purity=0.8, sd=0.2)[0], (6, 10))
    found = phase_map(one)
    rng = np.random.default_rng(seed)
    for size in (0.05, 0.3, 0.6):
        rotation = np.eye(3) + size * rng.random((3, 3))
        moved = turned(one, rotation / rotation.sum(axis=1, keepdims=True))
        assert (moved.estimate.endmembers >= 0).all()
        again = phase_map(moved)
        np.testing.assert_array_equal(again.labels, found.labels)
        np.testing.assert_allclose(again.probability, found.probability, atol=0.02)


def test_a_phase_in_which_no_component_is_the_largest_is_found():
    """As plagioclase on P45: the first component makes most of every pixel, and still there are two phases."""
    rng = np.random.default_rng(0)
    shares = np.where(np.arange(100)[:, None] < 20, [0.6, 0.4], [0.97, 0.03])
    draws = 22 * shares * rng.gamma(100, 1 / 100, (1, 40, 100, 2))
    found = phase_map(result(draws, (10, 10)))
    assert (shares.argmax(axis=1) == 0).all()
    assert (found.labels[:2] == 1).all() and (found.labels[2:] == 0).all()


def test_noise_alone_makes_no_second_phase():
    rng = np.random.default_rng(0)
    pixels = rng.gamma(20, 1 / 20, (400, 2)) * [30, 3]
    draws = pixels * rng.gamma(20, 1 / 20, (1, 60, 400, 2))
    found = phase_map(result(draws, (20, 20)))
    assert (found.labels == 0).all()
    np.testing.assert_array_equal(found.areas, [[1, 0]] * 60)


def test_what_is_between_two_phases_or_far_from_all_is_undecided():
    draws, truth = phases(0, purity=1.0)
    draws[:, :, 0] = [0, 20, 20] * np.random.default_rng(1).gamma(20, 1 / 20, (2, 30, 3))
    found = phase_map(result(draws, (60,)))
    assert found.labels[0] == UNDECIDED and (found.labels[1:] == truth[1:]).mean() > 0.9
    shares = np.where(np.arange(100)[:, None] % 2, [0.4, 0.6], [0.6, 0.4])
    shares[0] = [1, 0]
    far = phase_map(
        result(40 * shares * np.random.default_rng(0).gamma(400, 1 / 400, (1, 40, 100, 2)), (100,))
    )
    assert far.labels[0] == UNDECIDED and (far.labels[1:] == 1 - np.arange(1, 100) % 2).mean() in (0, 1)
    assert (far.labels[1:] >= 0).all() and far.probability[0].max() > 0.9


def test_blocks_change_nothing(monkeypatch):
    whole = phase_map(result(phases(0)[0]))
    monkeypatch.setattr("bayesunmix.data.draws.VALUES_PER_BLOCK", 60 * 3 * 5)
    parts = phase_map(result(phases(0)[0]))
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_array_equal(whole.probability, parts.probability)
    np.testing.assert_allclose(whole.areas, parts.areas)


@given(st.permutations(range(3)))
@settings(max_examples=5)
def test_permuting_components_renumbers_the_map(order):
    one = result(phases(1)[0], (6, 10))
    found, moved = phase_map(one), phase_map(one.reorder(np.array(order)))
    np.testing.assert_array_equal(moved.probability, found.probability[..., order])
    of_old = np.where(moved.labels >= 0, np.array(order)[moved.labels], moved.labels)
    np.testing.assert_array_equal(of_old, found.labels)


def test_vacuum_has_no_phase_and_an_empty_pixel_of_the_specimen_is_undecided():
    draws = np.ones((1, 30, 100, 2)) * [9.0, 1.0]
    draws = draws.reshape(1, 30, 10, 10, 2)
    draws[..., 6:, :] = 0.05
    draws[..., 4, 4, :] = 0.0
    found = phase_map(result(draws.reshape(1, 30, 100, 2), (10, 10)))
    assert (found.labels[:, 7:] == NONE).all() and found.labels[4, 4] == UNDECIDED
    assert np.count_nonzero(found.labels[:, :6] == 0) == 59
    nowhere = phase_map(result(np.zeros((1, 3, 9, 2)), (3, 3)))
    assert (nowhere.labels == NONE).all() and nowhere.undecided == 0


def test_an_area_reaches_from_what_is_sure_to_what_is_possible():
    one = result(phases(2, purity=0.8, sd=0.3)[0], (6, 10))
    found = bu.phase_fractions(one, image_of(one), specimen=np.ones((6, 10), bool))
    labelled = phase_map(one, specimen=np.ones((6, 10), bool))
    for k, area in enumerate(found.areas.values()):
        assert isinstance(area, Area) and area.interval == 0.9
        assert area.surely == np.mean(labelled.labels == k)
        assert area.possibly == np.mean(labelled.probability[..., k] > 1 - 0.9)
        assert area.lower <= area.surely <= area.possibly <= area.upper
        assert area.mean == pytest.approx(labelled.areas[:, k].mean())
        assert f"{area.lower:.3f} to {area.upper:.3f}" in found.table()


@pytest.mark.skipif(not REAL.exists(), reason="the files of ../shared/data are not on this machine")
def test_plagioclase_is_found_at_22_counts():
    """It covers 0.132 of the field, as a recording with 122 counts says; by the largest share it gets no pixel."""
    image = bu.read(REAL / "P45_the_default_job.bcf")
    result = bu.unmix(image, 5, "bayes", verdicts=False, n_warmup=60, n_draws=40, n_maps=40)
    found = bu.phase_fractions(result, image)
    plagioclase = [k for k, name in enumerate(result.names) if {"Al", "Ca"} <= set(name.split("-"))]
    areas = [list(found.areas.values())[k] for k in plagioclase]
    assert any(area.lower <= 0.132 <= area.upper < 0.3 for area in areas)


SPLIT = np.array(
    [[1, 0, 0], [0, 1, 0], [0, -20, 21.0]]
)  # the third phase is then nearly all of the second component


def with_rotations(one, *rotations):
    return replace(one, posterior=replace(one.posterior, rotations=np.stack([np.eye(3), *rotations])))


@pytest.mark.parametrize("seed", range(3))
def test_pixels_whose_phase_belongs_to_another_component_under_a_feasible_solution_are_undecided(seed):
    draws, truth = phases(seed, purity=1.0)
    one = result(draws, (60,))
    own, open_ = phase_map(one), phase_map(with_rotations(one, SPLIT))
    third = truth == 2
    assert (own.labels == truth).all() and own.warnings == ()
    assert (open_.labels[third] == UNDECIDED).all() and (open_.labels[~third] == truth[~third]).all()
    np.testing.assert_array_equal(open_.probability, own.probability)
    assert (open_.bounds.lowest[third, 2] == 0).all() and (open_.bounds.highest[third, 1] == 1).all()
    (sentence,) = open_.warnings
    assert (
        f"{100 * third.mean():.1f} % of the specimen" in sentence and "component 1, component 2" in sentence
    )
    (note,) = [text for text in plot_phase_map(open_, one, image_of(one)).texts if text.get_text()]
    assert " ".join(note.get_text().split()) == sentence
    counting = phase_map(with_rotations(one, SPLIT), include="counting")
    np.testing.assert_array_equal(counting.labels, own.labels)
    assert counting.warnings == ()
    whole = np.ones(60, bool)
    areas, sure = (
        bu.phase_fractions(with_rotations(one, SPLIT), image_of(one), specimen=whole, include=include).areas
        for include in ("total", "counting")
    )
    assert areas["component 2"].lower == 0 and areas["component 2"].upper == pytest.approx(third.mean())
    assert areas["component 1"].upper == pytest.approx((truth > 0).mean())
    assert sure["component 2"].lower == sure["component 2"].upper == pytest.approx(third.mean())


def test_rotations_that_leave_every_phase_its_component_decide_nothing_less():
    one = result(phases(0, purity=0.9)[0], (60,))
    rotations = [np.eye(3) + size * (np.ones((3, 3)) / 3 - np.eye(3)) for size in (-0.1, 0.2, 0.5)]
    found = phase_map(with_rotations(one, *rotations))
    np.testing.assert_array_equal(found.labels, phase_map(one).labels)
    np.testing.assert_array_equal(found.bounds.lowest, found.probability)
    assert found.warnings == ()


def test_a_component_without_counts_takes_no_phase():
    """Under a rotation its fractions may be a rounding error above or below zero."""
    shares = np.tile([[0.7, 0.3, 0], [0.2, 0.8, 1e-9]], (30, 1))
    one = result(40 * shares * np.random.default_rng(0).gamma(400, 1 / 400, (1, 40, 60, 3)), (60,))
    tilted = np.array([[1, 0, 0], [0, 1, 0], [-1e-7, 0.5, 0.5 + 1e-7]])
    found = phase_map(with_rotations(one, tilted))
    np.testing.assert_array_equal(found.labels, np.arange(60) % 2)


def in_chains(*ones):
    """One result with the chains of several."""
    endmembers, abundances = (
        np.concatenate([getattr(one.posterior, part) for one in ones])
        for part in ("endmembers", "abundances")
    )
    estimate = bu.Factorization(endmembers.mean((0, 1)), abundances.mean((0, 1)))
    return replace(ones[0], estimate=estimate, posterior=bu.Posterior(endmembers, abundances))


@pytest.mark.parametrize("seed", range(3))
def test_chains_that_split_the_counts_otherwise_have_the_same_map(seed):
    """Every draw goes with its own endmembers: the product of the mean factors is no composition."""
    draws, truth = phases(seed, purity=0.9)
    one = result(draws, (60,))
    rotation = np.array([[0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.1, 0.3, 0.6]])
    found = phase_map(in_chains(one, turned(one, rotation)))
    np.testing.assert_array_equal(found.labels, truth)
    np.testing.assert_array_equal(found.labels, phase_map(one).labels)


def test_components_that_are_other_phases_in_other_chains_are_a_mixture():
    draws, truth = phases(1, purity=0.9)
    one = result(draws, (60,))
    swapped = one.reorder(np.array([0, 2, 1]))
    # The mean factors of the two are equal; the phases are as different as before.
    assert len(find_phases(in_chains(one, swapped), np.ones(60, bool)).centres) == 3
    found = phase_map(in_chains(one, swapped), specimen=np.ones(60, bool))
    assert (found.labels[truth == 0] == 0).all() and (found.labels[truth > 0] == UNDECIDED).all()
    np.testing.assert_allclose(found.probability[truth > 0][:, 1:], 0.5)
    areas = bu.phase_fractions(in_chains(one, swapped), image_of(one), specimen=np.ones(60, bool)).areas
    for k in (1, 2):
        area = areas[f"component {k}"]
        assert area.lower <= min((truth == 1).mean(), (truth == 2).mean()) <= area.mean <= area.upper
        assert area.upper >= max((truth == 1).mean(), (truth == 2).mean())


def test_an_area_holds_for_however_mixed_pixels_are_counted():
    shares = np.where(np.arange(100)[:, None] < 30, [0.05, 0.95], [0.95, 0.05])
    shares[30:36] = [0.58, 0.42]  # between the phases, nearer to the first
    one = result(4000 * shares * np.random.default_rng(0).gamma(4e4, 1 / 4e4, (1, 40, 100, 2)), (10, 10))
    areas = bu.phase_fractions(one, image_of(one), specimen=np.ones((10, 10), bool)).areas
    first, second = areas["component 0"], areas["component 1"]
    assert (first.mean, second.mean) == (0.7, 0.3)
    assert (first.lower, first.upper) == (0.64, 0.7) and (second.lower, second.upper) == (0.3, 0.36)


@given(st.integers(0, 200), st.floats(0.4, 1.0), st.floats(0.05, 0.6), st.floats(0.1, 0.99))
@settings(max_examples=15, deadline=None)
def test_an_interval_contains_its_own_mean(seed, purity, sd, interval):
    rng = np.random.default_rng(seed)
    one = result(phases(seed, purity=purity, sd=sd)[0], (60,))
    rotation = np.eye(3) + 0.5 * rng.standard_normal((3, 3))
    rotation /= rotation.sum(axis=1, keepdims=True)
    one = in_chains(one, result(phases(seed + 1, purity=purity, sd=sd)[0], (60,)))
    if np.linalg.cond(rotation) < 1e3:
        one = with_rotations(one, rotation)
    for include in ("total", "counting"):
        found = bu.phase_fractions(one, image_of(one), interval=interval, include=include)
        for area in found.areas.values():
            assert 0 <= area.lower <= area.mean <= area.upper <= 1
            assert area.lower <= area.surely <= area.possibly <= area.upper


def test_the_thin_edge_of_a_wedge_is_specimen_and_stray_counts_are_none():
    around = np.zeros((20, 60))
    around[:, 10:] = np.linspace(0.5, 50, 50)
    everywhere = np.ones(around.shape, bool)
    dark, stray = specimen_of(around, everywhere), specimen_of(around + 2, everywhere)
    assert not dark[:, :9].any() and dark[:, 13:].all()
    assert not stray[:, :9].any() and stray[:, 16:].all()
    sparse = np.zeros((20, 60))
    sparse[:, 10:] = 1.5
    sparse[5, 4] = 1  # one stray photon
    found = specimen_of(sparse, everywhere)
    assert not found[:, :9].any() and found[:, 11:].all()


def test_wrong_arguments_are_one_sentence():
    one = result(phases(0, n_pixels=24)[0], (4, 6))
    with pytest.raises(ValueError, match="needs a result with a posterior"):
        phase_map(bu.Unmixing(one.estimate))
    with pytest.raises(ValueError, match=r"at_least must be above 0.5, .* got 0.4"):
        phase_map(one, at_least=0.4)
    with pytest.raises(ValueError, match="at_least must lie between 0 and 1, got 1"):
        phase_map(one, at_least=1)
    with pytest.raises(ValueError, match=r"mask must be bool of shape \(4, 6\)"):
        phase_map(one, specimen=np.ones(24, bool))
    with pytest.raises(TypeError, match="pass the result first and the image second"):
        bu.phase_map(bu.SpectrumImage(np.ones((2, 2), int), [1.0, 2.0]), one)

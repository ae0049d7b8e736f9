"""Known answers of the metrics of phase maps, on maps drawn by hand and against slow, obvious ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score

from bayesunmix import Factorization, SpectrumImage, Unmixing
from benchmarks.metric import METRICS
from benchmarks.scoring.phase_map import confusion, phase_maps
from simulations import Trial
from simulations.phantom import Phantom

SHAPES = st.sampled_from([(7,), (4, 5), (1, 6), (3, 3, 4)])


def drawn(phases) -> Trial:
    """A trial with one component a phase, one count in each pixel; -1 is vacuum."""
    phases = np.array(phases)
    n = max(phases.max() + 1, 1)
    truth = Factorization(np.eye(n, max(n, 2)), (phases.reshape(-1, 1) == np.arange(n)).astype(float))
    energy = np.arange(1.0, 1 + truth.endmembers.shape[1])
    labels = tuple(f"phase {k}" for k in range(n))
    phantom = Phantom("drawn", truth, energy, phases.shape, labels)
    image = SpectrumImage(np.ones((*phases.shape, energy.size), int), energy)
    return Trial(image, truth, phantom, 1.0)


def labelled(trial, phases) -> Unmixing:
    phases = np.array(phases).ravel()
    n = max(trial.truth.n_components, phases.max() + 1)
    return Unmixing(
        Factorization(np.ones((n, trial.truth.endmembers.shape[1])), np.ones((phases.size, n))), labels=phases
    )


def score(name, truth, estimate) -> float:
    trial = drawn(truth)
    return METRICS[name].score(trial, labelled(trial, estimate))


@st.composite
def pairs_of_maps(draw):
    shape = draw(SHAPES)
    truth = draw(arrays(int, shape, elements=st.integers(-1, 2)))
    truth.flat[0] = 0
    return truth, draw(arrays(int, shape, elements=st.integers(-1, 3)))


def test_abundances_make_the_map_where_there_are_no_labels():
    trial = drawn([0, 0, 1, -1, 1])
    abundances = np.array([[2.0, 1], [0, 0], [1, 3], [1, 0], [-2, -1]])
    truth, estimate = phase_maps(trial, Unmixing(Factorization(np.eye(2), abundances)))
    assert list(truth) == [0, 0, 1, -1, 1]
    assert list(estimate) == [0, -1, 1, 0, -1], "a pixel that holds nothing is in no phase"


def test_the_table_counts_unassigned_first_and_leaves_vacuum_out():
    trial = drawn([0, 0, 0, 1, 1, -1])
    assert confusion(trial, labelled(trial, [0, 1, -1, 1, 2, 0])).tolist() == [[1, 1, 1, 0], [0, 0, 1, 1]]


@given(pair=pairs_of_maps())
def test_dice_is_the_f1_score_of_scikit_learn(pair):
    truth, estimate = pair
    asked = truth >= 0
    each = f1_score(
        truth[asked], estimate[asked], labels=np.unique(truth[asked]), average=None, zero_division=0
    )
    assert score("dice", truth, estimate) == pytest.approx(each.mean())
    assert score("dice_worst", truth, estimate) == pytest.approx(each.min())


@given(pair=pairs_of_maps())
def test_area_fraction_error_is_half_the_sum_of_differences(pair):
    truth, estimate = (m[pair[0] >= 0] for m in pair)
    differences = [(truth == k).mean() - (estimate == k).mean() for k in range(-1, 4)]
    assert score("area_fraction_error", *pair) == pytest.approx(np.abs(differences).sum() / 2, abs=1e-12)


def test_a_moved_boundary_is_off_by_as_much_and_keeps_its_agreement_of_areas():
    column = np.repeat([0, 1], [4, 6])
    truth = np.tile(column, (5, 1))
    for shift in (1, 2, 3):
        moved = np.tile(np.repeat([0, 1], [4 + shift, 6 - shift]), (5, 1))
        assert score("boundary_error", truth, moved) == pytest.approx(shift)
        assert score("area_fraction_error", truth, moved) == pytest.approx(shift / 10)
    mirrored = np.tile(np.repeat([0, 1], [4, 6])[::-1], (5, 1))
    assert score("area_fraction_error", truth, 1 - mirrored) == pytest.approx(0.2)


def test_an_invented_boundary_and_a_missed_one_count_alike():
    one, two = np.repeat([0, 1], [4, 8]), np.repeat([0, 1, 0], [4, 5, 3])
    assert score("boundary_error", one, two) == pytest.approx(5 / 3), "pieces at 4 | 4 and 9"
    assert score("boundary_error", two, one) == pytest.approx(5 / 3)


def test_maps_without_a_boundary():
    nothing, split = np.zeros((3, 4), int), np.tile([0, 0, 1, 1], (3, 1))
    assert score("boundary_error", nothing, nothing) == 0
    assert score("boundary_error", split, nothing) == score("boundary_error", nothing, split) == 5, "3-4-5"


def test_the_edge_of_the_specimen_is_no_boundary():
    surface = [[0, 0, -1, 1, 1]]
    assert score("boundary_error", surface, [[0, 0, 3, 1, 1]]) == 0
    assert score("boundary_error", surface, [[0, 0, 3, 1, 0]]) > 0


def test_a_series_is_taken_image_by_image():
    """Phases that swap from image to image are no boundary between images."""
    image = np.repeat([0, 1], [4, 4])[None]
    series = np.stack([image, 1 - image])
    assert score("boundary_error", series, series) == 0
    moved = np.repeat([0, 1], [5, 3])[None]
    assert score("boundary_error", series, np.stack([image, 1 - moved])) == pytest.approx(0.5)


@given(pair=pairs_of_maps())
def test_boundary_error_is_that_of_all_pairs_of_pieces(pair):
    truth, estimate = pair
    images = [m.reshape(-1, *truth.shape[-2:]) for m in pair]
    distances = []
    for true, found in zip(*images, strict=True):
        a, b = (pieces(m, true >= 0) for m in (true, found))
        diagonal = np.linalg.norm(true.shape)
        between = cdist(a, b) if len(a) and len(b) else np.full((len(a) or 1, len(b) or 1), diagonal)
        distances += [*between.min(axis=1)[: len(a)], *between.min(axis=0)[: len(b)]]
    expected = np.mean(distances) if distances else 0
    assert score("boundary_error", truth, estimate) == pytest.approx(expected, abs=1e-12)


def pieces(labels, asked) -> np.ndarray:
    """Midpoints of the edges between unlike neighbours, one by one."""
    found = []
    for place in np.ndindex(labels.shape):
        for axis, size in enumerate(labels.shape):
            after = tuple(i + (a == axis) for a, i in enumerate(place))
            if after[axis] < size and asked[place] and asked[after] and labels[place] != labels[after]:
                found.append((np.array(place) + after) / 2)
    return np.array(found).reshape(-1, labels.ndim)

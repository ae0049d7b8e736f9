"""Pieces that are called another phase: found, named, and hardly ever made up."""

import numpy as np
import pytest
from scipy import stats

from bayesunmix.validation.amounts.piece_and_rest import MANY, probability_of_chance
from bayesunmix.validation.amounts.suspect_pieces import MOST_SAID, MOST_TESTED, suspect_pieces
from bayesunmix.validation.finding import judge
from tests.library.validation.known_maps import case_of, recorded, spectra

NAMES = ("a", "b", "c")


def islands():
    """Return labels (40, 40): nine islands of the second and third phase in the first, in turns."""
    labels = np.zeros((40, 40), int)
    for k in range(9):
        row, column = 2 + 13 * (k // 3), 2 + 13 * (k % 3)
        labels[row : row + 10, column : column + 10] = 1 + k % 2
    return labels


@pytest.fixture(scope="module")
def labels():
    return islands()


def image_of(labels, dose, seed, overlap=0.0):
    return recorded(np.eye(3)[labels], dose, seed, spectra(overlap))[0]


def misnamed(labels, phase):
    """Give the island in the middle another name."""
    other = labels.copy()
    other[15:25, 15:25] = phase
    return other


@pytest.mark.parametrize(("dose", "overlap"), [(5, 0.0), (20, 0.7)])
def test_a_misnamed_island_comes_first_and_is_named_right(labels, dose, overlap):
    case = case_of(image_of(labels, dose, 0, overlap), misnamed(labels, 2), NAMES, radius=1)
    found = suspect_pieces(case)
    first = found.suspects[0]
    assert (first.phase, first.looks_like) == (2, 1) and found.numbers[20, 20] == first.number
    assert first.log_odds > 10 and first.p_label < 0.01 and first.p_value < 1e-3
    assert abs(first.content.mean - 1) < 3.5 * first.content.sd < 0.3
    finding = judge(found.evidence, 0.05)[0]
    assert finding.verdict == "contradicted" and "% b (log odds" in finding.sentence


def test_right_islands_are_left_alone(labels):
    contradicted = listed = 0
    for seed in range(25):
        found = suspect_pieces(case_of(image_of(labels, 3, seed, 0.9), labels, NAMES, radius=1))
        listed += found.n_listed
        contradicted += any(one.verdict == "contradicted" for one in judge(found.evidence, 0.05))
    assert contradicted == 0 and listed <= 3 < found.n_compared


def test_p_values_of_right_pieces_are_not_too_small():
    """They are uniform for photons of one spectrum, whatever the other directions are."""
    rng = np.random.default_rng(0)
    spectrum, others = rng.dirichlet(np.ones(20)), rng.dirichlet(np.ones(20), 3)
    p = []
    for _ in range(150):
        piece, rest = rng.multinomial(40, spectrum), rng.multinomial(300, spectrum)
        p.append(probability_of_chance(piece.astype(float), rest.astype(float), list(others), MANY, rng))
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_small_phase_with_a_badly_known_spectrum_makes_no_suspects():
    # The two pieces of "c" have 40 photons each: their scatter alone must not count as another phase.
    labels = np.zeros((40, 40), int)
    labels[:, 20:] = 1
    labels[4:10, 4:10], labels[30:36, 30:36] = 2, 2
    listed = 0
    for seed in range(20):
        found = suspect_pieces(case_of(image_of(labels, 3, seed, 0.6), labels, NAMES, radius=1))
        listed += sum(piece.phase == 2 for piece in found.suspects)
    assert listed == 0


def test_pieces_that_cannot_be_compared_are_counted(labels):
    alone = np.where(labels == 2, 0, labels)
    alone[12:18, 12:18] = 2
    found = suspect_pieces(case_of(image_of(labels, 5, 0), alone, NAMES, radius=1))
    assert found.n_not_compared >= 1 and all(piece.phase != 2 for piece in found.suspects)


def test_flagged_windows_cut_a_piece(labels):
    # Two squares of "a" with a wrong one between them touch, and are one piece: a flag parts them.
    touching = np.zeros((40, 40), int)
    touching[:, 20:] = 1
    touching[:6, :6] = touching[34:, 34:] = 2
    truth = touching.copy()
    truth[25:35, 2:14] = 1
    image = image_of(truth, 8, 0)
    extra = touching.copy()
    extra[18:20, :20] = 2  # a second piece of "a", so that there is one to compare with
    case = case_of(image, extra, NAMES, radius=1)
    flagged = np.zeros((40, 40), bool)
    flagged[24:36, 1:15] = True
    assert not any(piece.content.lower > 0.5 for piece in suspect_pieces(case).suspects)
    found = suspect_pieces(case, flagged)
    first = found.suspects[0]
    assert first.looks_like == 1 and found.numbers[30, 8] == first.number and first.is_flagged
    assert len(found.evidence) == found.n_listed - 1  # what was cut out by a test is evidence of that test


def test_the_same_seed_gives_the_same_answer(labels):
    case = case_of(image_of(labels, 3, 0), misnamed(labels, 2), NAMES, radius=1)
    first, again = suspect_pieces(case), suspect_pieces(case)
    assert [piece.p_value for piece in first.suspects] == [piece.p_value for piece in again.suspects] != []


def test_of_very_many_wrong_pieces_all_are_counted_and_marked_and_the_clearest_tested():
    claimed = np.zeros((60, 60), int)
    claimed[::2, ::2] = 1
    truth = claimed & (np.random.default_rng(0).random(claimed.shape) < 0.6)
    found = suspect_pieces(case_of(image_of(truth, 150, 0), claimed, NAMES[:2], radius=0))
    assert len(found.suspects) == MOST_TESTED < found.n_listed and len(found.evidence) == MOST_SAID
    assert (truth[found.listed] == 0).mean() > 0.93
    numbers = np.unique(found.numbers[found.listed])
    assert numbers.size == found.n_listed
    assert {piece.number for piece in found.suspects} <= set(numbers.tolist())


def test_no_piece_is_no_list():
    labels = np.zeros((8, 8), int)
    found = suspect_pieces(case_of(image_of(labels, 5, 0), labels, ("a",), radius=1))
    assert found.suspects == found.evidence == () and (found.n_compared, found.n_not_compared) == (0, 1)

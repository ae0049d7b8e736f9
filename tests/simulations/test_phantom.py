"""Phantom and Trial: what is refused, what is fixed, and that truth and image agree."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesunmix.data.factorization import Factorization
from simulations import Phantom, acquire
from simulations.material import Material


@st.composite
def phantoms(draw):
    n_components, n_channels, rows, columns = (draw(st.integers(1, n)) for n in (4, 12, 5, 5))
    positive = st.floats(0.01, 10)
    endmembers = draw(hnp.arrays(float, (n_components, n_channels), elements=positive))
    abundances = draw(hnp.arrays(float, (rows * columns, n_components), elements=st.just(0.0) | positive))
    abundances[0, 0] += 1
    return make_phantom(endmembers, abundances, (rows, columns))


def make_phantom(endmembers, abundances, shape):
    total = abundances.sum(axis=1)
    return Phantom(
        name="drawn",
        truth=Factorization(
            endmembers / endmembers.sum(axis=1, keepdims=True), abundances / total[total > 0].mean()
        ),
        energy_kev=np.arange(endmembers.shape[1]) * 0.01 + 1,
        navigation_shape=shape,
        labels=tuple("ABCD"[: endmembers.shape[0]]),
    )


SMALL = make_phantom(np.eye(2) + 0.1, np.array([[1.0, 0], [0, 2], [3, 1], [0, 0]]), (2, 2))


@settings(max_examples=50, deadline=None)
@given(phantoms(), st.floats(0.5, 200), st.integers(0, 1000))
def test_a_trial_is_its_phantom_at_the_dose(phantom, dose, seed):
    specimen = phantom.specimen
    trial = acquire(phantom, dose + 20, seed)
    assert trial.truth.abundances[specimen].sum(axis=1).mean() == pytest.approx(dose + 20)
    np.testing.assert_allclose(
        trial.truth.expected(), (dose + 20) * phantom.truth.abundances @ phantom.truth.endmembers
    )
    assert trial.image.shape == (*phantom.navigation_shape, phantom.energy_kev.size)
    assert (trial.dose, trial.seed, trial.phantom) == (dose + 20, seed, phantom)


def test_same_seed_same_bytes_other_seed_other_bytes():
    first, again, other = (acquire(SMALL, 50, seed).image.counts for seed in (3, 3, 4))
    for part in ("data", "indices", "indptr"):
        assert getattr(first, part).tobytes() == getattr(again, part).tobytes()
    assert (first != other).nnz > 0


def test_a_generator_is_used_and_no_seed_is_claimed():
    rng = np.random.default_rng(3)
    trial = acquire(SMALL, 50, rng)
    assert trial.seed is None
    assert (trial.image.counts != acquire(SMALL, 50, 3).image.counts).nnz == 0
    assert (trial.image.counts != acquire(SMALL, 50, rng).image.counts).nnz > 0, "the stream moves on"


def test_the_global_seed_is_not_touched():
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    acquire(SMALL, 5, 0)
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


@pytest.mark.parametrize("dose", [0, -1, float("nan"), float("inf")])
def test_a_bad_dose_is_one_sentence(dose):
    with pytest.raises(ValueError, match="dose must be a positive, finite number of counts"):
        acquire(SMALL, dose, 0)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "0"])
def test_a_bad_seed_is_one_sentence(seed):
    with pytest.raises(ValueError, match="rng must be a numpy Generator or a whole number"):
        acquire(SMALL, 5, seed)


def test_a_dose_that_draws_nothing_says_so():
    with pytest.raises(ValueError, match="no photon was drawn: dose 1e-12 means 3e-12 photons in all; raise"):
        acquire(SMALL, 1e-12, 0)


def test_a_dose_beyond_32_bits_says_so():
    with pytest.raises(ValueError, match="lower the dose"):
        acquire(SMALL, 1e12, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"truth": Factorization(np.eye(2), -np.eye(2))}, "must not be negative"),
        ({"truth": Factorization(2 * np.eye(2), np.eye(2))}, "each endmember must sum to one"),
        ({"truth": Factorization(np.eye(2), 2 * np.eye(2))}, "must average to 1 count over the specimen"),
        ({"truth": Factorization(np.eye(2), np.zeros((2, 2)))}, "is all vacuum"),
        ({"navigation_shape": (3,)}, "has 3 pixels and 2 channels, but abundances of shape"),
        ({"energy_kev": np.arange(3)}, "has 2 pixels and 3 channels, but abundances of shape"),
        ({"labels": ("A",)}, "labels must be 2 different names"),
        ({"labels": ("A", "A")}, "labels must be 2 different names"),
        (
            {"thickness_nm": np.ones((2, 1))},
            r"thickness_nm of phantom 'good' must have shape \(2, 2\), got \(2, 1\)",
        ),
        (
            {"line_shares": {"Fe_K": np.ones(3)}},
            r"line_shares\['Fe_K'\] of phantom 'good' must have shape \(2,\)",
        ),
        (
            {"materials": (Material("Fe", 7.9),)},
            r"materials of phantom 'good' must have shape \(2,\), got \(1,\)",
        ),
    ],
)
def test_a_contradictory_truth_is_one_sentence(change, sentence):
    good = {
        "name": "good",
        "truth": Factorization(np.eye(2), np.eye(2)),
        "energy_kev": np.array([1.0, 2.0]),
        "navigation_shape": (2,),
        "labels": ("A", "B"),
    }
    Phantom(**good)
    with pytest.raises(ValueError, match=sentence):
        Phantom(**{**good, **change})


@pytest.mark.parametrize("part", ["endmembers", "abundances", "energy", "labels", "shape"])
def test_the_digest_sees_every_part_of_the_truth(part):
    endmembers, abundances = SMALL.truth.endmembers.copy(), SMALL.truth.abundances.copy()
    energy, labels, shape = SMALL.energy_kev, SMALL.labels, SMALL.navigation_shape
    if part == "endmembers":
        endmembers[0] += [1e-5, -1e-5]
    elif part == "abundances":
        abundances[[0, 2], 0] += [1e-5, -1e-5]
    elif part == "energy":
        energy = energy + 1e-5
    elif part == "labels":
        labels = labels[::-1]
    else:
        shape = (4, 1)
    changed = Phantom("drawn", Factorization(endmembers, abundances), energy, shape, labels)
    assert changed.digest() != SMALL.digest()


@pytest.mark.parametrize("part", ["thickness_nm", "volume", "line_shares"])
def test_the_digest_sees_what_voxels_and_lines_add_to_the_truth(part):
    further = {
        "thickness_nm": np.full((4, 2), 10.0),
        "volume": np.zeros((2, 2, 2), np.uint8),
        "line_shares": {"Fe_K": np.array([0.5, 0.0])},
    }
    phantom = dataclasses.replace(SMALL, **further)
    changed = further[part]["Fe_K"] if part == "line_shares" else further[part]
    before = phantom.digest()
    changed.flat[0] += 1
    assert phantom.digest() != before
    assert SMALL.digest() != before


def test_line_intensities_are_maps_of_net_counts():
    phantom = dataclasses.replace(
        SMALL, line_shares={"Fe_K": np.array([0.5, 0.0]), "O_K": np.array([0.1, 0.2])}
    )
    maps = phantom.line_intensities()
    np.testing.assert_allclose(maps["Fe_K"], 0.5 * SMALL.truth.abundances[:, 0].reshape(2, 2))
    np.testing.assert_allclose(maps["O_K"].ravel(), SMALL.truth.abundances @ [0.1, 0.2])


def test_the_digest_ignores_the_last_bits():
    nudged = Factorization(SMALL.truth.endmembers * (1 + 1e-15), SMALL.truth.abundances * (1 - 1e-15))
    phantom = Phantom("drawn", nudged, SMALL.energy_kev, SMALL.navigation_shape, SMALL.labels)
    assert phantom.digest() == SMALL.digest()

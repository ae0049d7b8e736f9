"""Components that the counts do not tell apart, and their sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.analysis.sums import known_sums

NO_OTHERS = np.empty((0, 4))


def draws(rng, swapped, alone=0.002, n=400):
    """Fractions of four components, of which the first two exchange `swapped`."""
    base = np.array([0.2, 0.3, 0.1]) + rng.normal(0, alone, (n, 3))
    moved = rng.normal(0, swapped, n)
    found = np.column_stack([base[:, 0] + moved, base[:, 1] - moved, base[:, 2]])
    return np.column_stack([found, 1 - found.sum(axis=1)])


def test_two_that_exchange_photons_are_one_sum():
    rng = np.random.default_rng(0)
    assert known_sums(draws(rng, 0.05), NO_OTHERS) == [(0, 1)]
    assert known_sums(draws(rng, 0.0), NO_OTHERS) == []


def test_other_solutions_count_as_draws_do():
    rng = np.random.default_rng(1)
    others = np.array([[0.2, 0.3, 0.1, 0.4]]) + np.linspace(-0.1, 0.1, 9)[:, None] * [0, 1, -1, 0]
    assert known_sums(draws(rng, 0.0), others) == [(1, 2)]
    assert known_sums(draws(rng, 0.0), others * [1, 1, 1, 1.0] + np.linspace(0, 0.2, 9)[:, None]) == []


def test_sums_grow_while_they_are_known_better_but_never_to_everything():
    rng = np.random.default_rng(2)
    moved = rng.normal(0, 0.05, (400, 2))
    first = np.array([0.2, 0.2, 0.2]) + np.column_stack([moved[:, 0], moved[:, 1], -moved.sum(axis=1)])
    rest = 0.25 + rng.normal(0, 0.002, 400)
    assert known_sums(np.column_stack([first, rest, 1 - first.sum(axis=1) - rest]), np.empty((0, 5))) == [
        (0, 1, 2)
    ]
    two = rng.uniform(0.2, 0.8, 400)
    assert known_sums(np.column_stack([two, 1 - two]), np.empty((0, 2))) == []


def test_what_is_known_to_a_few_percent_needs_no_sum():
    rng = np.random.default_rng(3)
    assert known_sums(draws(rng, 0.003, alone=0.0003), NO_OTHERS) == []


@given(order=st.permutations(range(4)), seed=st.integers(0, 20))
def test_numbers_of_the_components_do_not_matter(order, seed):
    found = draws(np.random.default_rng(seed), 0.04)
    turned = known_sums(found[:, order], NO_OTHERS)
    assert [tuple(sorted(order[k] for k in group)) for group in turned] == known_sums(found, NO_OTHERS)


@pytest.fixture(scope="module")
def unmixed():
    """Unmix three blocks, of which two have nearly the same spectrum."""
    spectra = np.array([[8, 1, 1, 0, 4], [6, 1, 3, 0, 4], [0, 0, 0, 9, 2]])
    counts = np.random.default_rng(0).poisson(4 * np.repeat(np.eye(3), 200, axis=0) @ spectra)
    image = bu.SpectrumImage(counts.reshape(20, 30, 5), energy_kev=np.arange(1.0, 6.0))
    return image, bu.unmix(image, 3, "fisher_joint", seed=1)


def test_a_region_and_the_result_tell_the_sum(unmixed):
    image, result = unmixed
    region = bu.region(result, image, np.ones((20, 30), bool))
    (both,) = region.sums
    wide = [content for content in region.components if content.name in both.name.split(" + ")]
    assert len(wide) == 2
    assert both.fraction.mean == pytest.approx(sum(content.fraction.mean for content in wide))
    width = both.fraction.upper - both.fraction.lower
    assert all(width < 0.6 * (content.fraction.upper - content.fraction.lower) for content in wide)
    truth = 28 / 39
    assert both.fraction.lower <= truth <= both.fraction.upper
    assert both.name in region.table()
    sentences = [text for text in result.info["warnings"] if text.endswith("Quote the sum.")]
    assert len(sentences) == 1 and all(content.name in sentences[0] for content in wide)

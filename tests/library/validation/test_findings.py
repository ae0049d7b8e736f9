"""Verdicts: Holm's correction, and what interval and tolerance say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.finding import Evidence, holm, judge, overall, say_counts


def effect(mean: float, sd: float) -> Quantity:
    return Quantity(mean, mean - 1.645 * sd, mean + 1.645 * sd, 0.9, None, sd, 0.0, None)


def evidence(mean: float, sd: float, **kwargs) -> Evidence:
    return Evidence("phase a", "Is it one thing?", "test", "it is so", effect(mean, sd), 0.02, **kwargs)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_between_the_p_value_and_bonferroni_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1, len(p_values) * p) + 1e-12
    assert (np.diff(np.array(adjusted)[np.argsort(p_values, kind="stable")]) >= 0).all()


def test_holm_of_a_textbook_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("mean", "sd", "wrong_side", "verdict"),
    [
        (0.10, 0.01, "above", "contradicted"),
        (0.005, 0.001, "above", "supported"),
        (0.02, 0.01, "above", "undecidable"),
        (0.10, 0.01, "below", "supported"),
        (0.005, 0.001, "below", "contradicted"),
    ],
)
def test_the_interval_is_held_against_the_tolerance(mean, sd, wrong_side, verdict):
    assert judge([evidence(mean, sd, wrong_side=wrong_side)], 0.05)[0].verdict == verdict


def test_a_large_effect_without_a_small_p_value_does_not_contradict():
    assert judge([evidence(0.1, 0.01, p_against=0.2)], 0.05)[0].verdict == "undecidable"


def test_a_small_p_value_without_an_effect_beyond_the_tolerance_does_not_contradict():
    assert judge([evidence(0.005, 0.001, p_against=1e-9)], 0.05)[0].verdict == "supported"


def test_many_tests_make_each_of_them_stricter():
    weak = evidence(0.05, 0.018)  # alone it contradicts
    assert judge([weak], 0.05)[0].verdict == "contradicted"
    assert judge([weak] * 10, 0.05)[0].verdict == "undecidable"


def test_arithmetic_needs_no_p_value_and_costs_the_other_tests_nothing():
    exact = Evidence("map O K", "Is it a function of the counts?", "recipe", "it is", exact="supported")
    found = judge([exact] * 50 + [evidence(0.05, 0.018)], 0.05)
    assert found[0].verdict == "supported" and found[0].p_value is None
    assert found[-1].verdict == "contradicted"


def test_sentences_say_what_would_decide():
    found = judge(
        [evidence(0.02, 0.01, counts_needed=62.3), evidence(0.02, 0.01, counts_needed=np.inf)], 0.05
    )
    assert found[0].sentence == "It is so; undecidable: about 62 counts per pixel would decide it."
    assert found[1].sentence == "It is so; undecidable: no dose would decide it, with these spectra."
    assert judge([evidence(0.1, 0.01)], 0.05)[0].sentence == "It is so; contradicted (tolerance 2 %)."


def test_the_whole_is_contradicted_if_any_part_is():
    supported, contradicted = judge([evidence(0.001, 0.001), evidence(0.3, 0.01)], 0.05)
    undecidable = judge([evidence(0.02, 0.01)], 0.05)[0]
    assert overall([supported]) == "supported"
    assert overall([supported, undecidable]) == "undecidable"
    assert overall([supported, undecidable, contradicted]) == "contradicted"


@given(st.floats(0.011, 1e6))
def test_counts_are_said_to_two_digits(counts):
    assert float(say_counts(counts)) == pytest.approx(counts, rel=0.51 if counts < 10 else 0.06)

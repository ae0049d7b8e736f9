"""How numbers are written in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation import words


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (words.say_number(0.02), "2 %"),
        (words.say_number(1.0), "100 %"),
        (words.say_number(1 / 3), "33.3 %"),
        (words.say_number(0.00017), "0.02 %"),
        (words.say_number(0.000828), "0.08 %"),
        (words.say_number(0.0), "0 %"),
        (words.say_number(2.5, "eV"), "2.5 eV"),
        (words.say_with_error(0.39, 0.04), "39 +- 4 %"),
        (words.say_with_error(0.0161, 0.0031), "1.6 +- 0.3 %"),
        (words.say_with_error(0.999, 0.0004), "99.90 +- 0.04 %"),
        (words.say_with_error(0.5, 0.2), "50 +- 20 %"),
        (words.say_probability(4e-134), "less than 0.01 % of all cases"),
        (words.say_probability(0.025), "2.5 % of all cases"),
        (words.say_probability(1.0), "100 % of all cases"),
        (words.say_number(6.7e-10), "less than 0.00001 %"),
        (words.say_digits(1234.5, 3), "1230"),
        (words.say_digits(98.7, 1), "100"),
        (words.say_phase("Cr"), "phase Cr"),
        (words.say_phase("phase 1"), "phase 1"),
        (words.say_phase("Phase 2"), "Phase 2"),
        (words.say_phase("phases of iron"), "phase phases of iron"),
        (words.say_counts(62.3), "62"),
        (words.say_counts(18765), "19000"),
        (words.say_counts(0.31), "0.31"),
    ],
)
def test_numbers_in_words(said, text):
    assert said == text


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((1.0, 0.63, 1.0), "100 % (63 to 100 %)"),
        ((0.031, 0.025, 0.036), "3.1 % (2.5 to 3.6 %)"),
        ((0.898, 0.888, 0.904), "89.8 % (88.8 to 90.4 %)"),
        ((3.4e-16, 0.0, 2.3e-9), "0.000 % (0.000 to 0.000 %)"),
    ],
)
def test_intervals(ends, text):
    mean, lower, upper = ends
    assert words.say_interval(Quantity(mean, lower, upper, 0.9, None, 0.01, 0.0, None)) == text


@given(st.floats(-1e3, 1e9), st.floats(1e-9, 1e3))
def test_no_number_has_an_exponent(value, sd):
    for text in (words.say_number(value), words.say_with_error(value, sd), words.say_counts(abs(value))):
        assert "e" not in text.replace("less than", "") and "nan" not in text

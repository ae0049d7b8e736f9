"""Claims: how labels are numbered, and what is refused."""

import numpy as np
import pytest

from bayesunmix.claims.claim import Claim
from bayesunmix.claims.claimed_parts import ClaimedArea

MAP = np.array([[1, 1, 2], [1, 2, 2]])


def test_phases_are_numbered_in_the_order_of_their_names():
    claim = Claim(MAP, names=("Cr", "Ni"))
    assert claim.labels.tolist() == [[0, 0, 1], [0, 1, 1]] and claim.names == ("Cr", "Ni")


def test_phases_without_names_are_called_by_their_number():
    assert Claim(MAP).names == ("phase 1", "phase 2")


def test_numbers_may_be_any():
    claim = Claim(np.array([[5, 9]]), names={9: "b", 5: "a"})
    assert claim.names == ("a", "b") and claim.labels.tolist() == [[0, 1]]


def test_a_phase_of_the_legend_may_be_nowhere():
    assert Claim(np.array([[1, 1]]), names={1: "a", 2: "b"}).n_phases == 2
    assert Claim(np.array([[1, 1]]), names=("a", "b", "c")).n_phases == 3


@pytest.mark.parametrize(
    ("labels", "names", "unassigned", "stored"),
    [
        ([[0, 1, 2]], ("a", "b"), None, [[-1, 0, 1]]),  # two names: 0 is none
        ([[0, 1, 2]], ("a", "b", "c"), None, [[0, 1, 2]]),  # three names: 0 is one
        ([[0, 1, 2]], (), -1, [[0, 1, 2]]),
        ([[0, 1, 2]], (), 0, [[-1, 0, 1]]),
        ([[-1, 0, 1]], (), None, [[-1, 0, 1]]),  # sklearn's and our own way
        ([[0, 1, 2]], (), None, [[-1, 0, 1]]),  # scikit-image's way
        ([[-2, 0, 1]], (), None, [[-2, 0, 1]]),
        ([[7, 1, 2]], (), 7, [[-1, 0, 1]]),
        ([[0, 1, 2]], {1: "a", 2: "b"}, None, [[-1, 0, 1]]),
    ],
)
def test_what_means_no_phase(labels, names, unassigned, stored):
    assert Claim(np.array(labels), names, unassigned).labels.tolist() == stored


def test_a_guess_about_zero_is_noted():
    assert "label 0 is read as unassigned (33.3 %" in Claim(np.array([[0, 1, 2]])).notes[0]


def test_the_same_names_must_be_used():
    with pytest.raises(ValueError, match=r"'Fe' is not one of the phases, which are Cr, Ni"):
        Claim(MAP, ("Cr", "Ni"), areas={"Fe": 0.5})


def test_names_come_from_the_spectra_where_there_is_no_map():
    assert Claim(spectra={"a": [1, 2, 3]}, areas={"b": 0.1}).names == ("a", "b")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "a claim must say something"),
        ({"labels": MAP, "names": ("a",)}, "must name every phase"),
        ({"labels": MAP, "names": ("a", "a")}, "must be different"),
        ({"labels": MAP, "names": "ab"}, "must be a sequence"),
        ({"labels": MAP, "names": {1: "a"}}, "2 have none"),
        ({"labels": MAP[0]}, "labels must be a map"),
        ({"labels": MAP + 0.5}, "whole numbers"),
        ({"labels": MAP * np.nan}, "finite"),
        ({"labels": np.array([["a", "b"]])}, "must be numbers"),
        ({"labels": np.zeros((2, 2)), "unassigned": 0}, "all pixels are unassigned"),
        ({"labels": np.full((2, 2), -1)}, "all pixels are unassigned"),
        ({"labels": MAP, "made_from": "somewhere"}, "made_from must be"),
        ({"labels": MAP, "areas": {"phase 1": 50}}, "between 0 and 1"),
        ({"labels": MAP, "areas": {"phase 1": np.nan}}, "between 0 and 1"),
        ({"labels": MAP, "areas": [0.5, 0.5]}, "must be a mapping"),
        ({"labels": MAP, "elements": {"phase 1": ("Xx",)}}, "'Xx' of phase 'phase 1'"),
        ({"labels": MAP, "spectra": {"phase 1": np.zeros(4)}}, "not all zero"),
        ({"labels": MAP, "spectra": {"phase 1": ([2, 1], [3, 4])}}, "must increase"),
        ({"labels": MAP, "maps": {"Fe": np.zeros(4)}}, "two axes"),
        ({"labels": MAP, "colours": {"phase 1": (1, 2, 300)}}, "from 0 to 255"),
    ],
)
def test_what_is_refused(arguments, said):
    with pytest.raises((ValueError, TypeError), match=said):
        Claim(**arguments)


def test_a_claim_cannot_be_changed():
    claim = Claim(MAP, areas={"phase 1": ClaimedArea(0.5, 0.005)})
    with pytest.raises(TypeError):
        claim.areas["phase 2"] = ClaimedArea(0.5)
    with pytest.raises(AttributeError):
        claim.source = "x"

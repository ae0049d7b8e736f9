"""Elements that are there are found, and names of overlapping ones are not taken for them."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.claims.claim import Claim
from bayesunmix.spectra import Detector, thin_film
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import judge
from bayesunmix.validation.lines.claimed_elements import check_element_lists
from bayesunmix.validation.tolerance import Tolerance

ENERGY = 0.2 + 0.01 * np.arange(980)


def verdicts(formula, elements, dose=50, seed=1):
    spectrum = thin_film(formula, 15.0).record(ENERGY, Detector())
    counts = np.random.default_rng(seed).poisson(dose * spectrum / spectrum.sum(), (16, 16, ENERGY.size))
    labels = np.zeros((16, 16), int)
    claim = Claim(labels, ("it",), unassigned=-1, elements={"it": elements})
    case = Case(
        bu.SpectrumImage(counts, energy_kev=ENERGY), claim, labels, labels == 0, 1, Tolerance(), 0.05, 0
    )
    result = check_element_lists(case)
    findings = judge(result.evidence, 0.05)
    return {
        one.element: (found.verdict, found.sentence)
        for one, found in zip(result.elements, findings, strict=True)
    }


@pytest.mark.parametrize(
    ("formula", "there"),
    [
        ("ZnS", ("Zn", "S")),
        ("BaTiO3", ("Ba", "Ti", "O")),
        ("MnCr2O4", ("Mn", "Cr", "O")),
    ],
    ids=str,
)
def test_what_is_there_is_supported(formula, there):
    found = verdicts(formula, there)
    assert {element: said[0] for element, said in found.items()} == dict.fromkeys(there, "supported")


# The names that programs gave instead: D. E. Newbury, "Blunders in automatic qualitative analysis".
@pytest.mark.parametrize(
    ("formula", "instead"),
    [("ZnS", ("Mo", "Pb")), ("GaP", ("Zr", "Na"))],
    ids=str,
)
def test_wrong_names_of_a_peak_are_contradicted(formula, instead):
    found = verdicts(formula, instead)
    assert {element: said[0] for element, said in found.items()} == dict.fromkeys(instead, "contradicted"), (
        found
    )


@pytest.mark.parametrize(
    ("formula", "instead"),
    [
        ({"Pt": 0.8, "Cr": 0.2}, ("P", "Zr")),
        ({"U": 0.5, "Rh": 0.5}, ("K", "Cl")),
    ],
    ids=str,
)
def test_wrong_names_are_never_supported(formula, instead):
    found = verdicts(formula, instead)
    assert "supported" not in {said[0] for said in found.values()}, found


def test_absent_element_without_any_peak():
    verdict, sentence = verdicts("ZnS", ("Zn", "S", "Ti"))["Ti"]
    assert verdict == "contradicted"
    assert sentence.startswith("Ti in phase it: no line is seen at Ti K (")


def test_few_counts_do_not_decide():
    assert verdicts("FeS2", ("Fe", "S", "Mo"), dose=2)["Mo"][0] != "supported"


def test_element_without_a_line_on_the_axis_is_undecidable():
    assert verdicts("ZnS", ("Li",))["Li"][0] == "undecidable"


def test_a_line_that_another_element_has_needs_the_harder_line_of_its_own():
    energy = np.arange(200) * 0.05

    def lines(*kev):
        return 0.1 * np.exp(-energy / 3) + sum(np.exp(-(((energy - at) / 0.06) ** 2) / 2) for at in kev)

    labels = np.repeat([[0, 1]], 24, axis=0).repeat(12, axis=1)
    mean = np.stack([lines(6.4, 0.525), lines(5.41, 0.573)])
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(3 * mean[labels]), energy_kev=energy)
    claim = bu.Claim(labels, ("oxide", "Cr"), unassigned=-1, elements={"oxide": ["Cr"], "Cr": ["Cr"]})
    found = {
        one.subject: one for one in bu.validate(image, claim, quick=True).findings if one.test == "elements"
    }
    assert found["Cr in phase oxide"].verdict != "supported"
    assert found["Cr in phase Cr"].verdict == "supported"

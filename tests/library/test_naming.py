"""Components are named by the elements that their counts show, and by nothing that they do not show."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.naming import named, names_of
from bayesunmix.spectra.element_shares import ElementShares, element_shares
from simulations import PHANTOMS, acquire
from tests.quick import film

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"


def names(rows, counts=None, sd=0.002, smooth=None):
    """Names of components with these shares of elements."""
    elements = tuple(dict.fromkeys(element for row in rows for element in row))
    share = np.array([[row.get(element, 0.0) for element in elements] for row in rows])
    counts = np.full(len(rows), 1e5) if counts is None else np.array(counts)
    smooth = np.zeros(len(rows), bool) if smooth is None else np.array(smooth)
    return names_of(ElementShares(elements, share, np.full(share.shape, sd), smooth), counts)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"Ca": 0.4, "O": 0.2, "P": 0.15}, {"C": 0.8}], ("Ca-P-O", "C")),  # the strongest first, oxygen last
        ([{"O": 0.4, "Si": 0.3}, {"S": 0.3, "Fe": 0.2}], ("Si-O", "Fe-S")),
        ([{"Fe": 0.5, "Cr": 0.029}, {"Cr": 0.5}], ("Fe", "Cr")),  # less than a few percent
        ([{"Ag": 0.5, "C": 0.04}, {"C": 0.5}], ("Ag", "C")),  # little beside the strongest
        (
            [{"Fe": 0.3, "Pt": 0.2, "Cu": 0.2}, {"Fe": 0.05, "C": 0.04, "Cu": 0.25}],
            ("Fe-Pt-Cu", "Fe-C-Cu"),
        ),  # the grid distinguishes nothing
        (
            [{"Si": 0.5, "Al": 0.1, "O": 0.1, "Ca": 0.09}, {"Si": 0.4, "Al": 0.2, "O": 0.1}],
            ("Ca-Si-Al", "Si-Al-O"),
        ),
        (
            [{"Fe": 0.5, "Cr": 0.2, "Ni": 0.1, "Mo": 0.09}, {"Fe": 0.6}],
            ("Cr-Ni-Fe", "Fe"),
        ),  # what there is most of is never left out
        ([{"Fe": 0.5, "Pt": 0.04}, {"Fe": 0.6, "Ni": 0.05}], ("Fe-Pt", "Fe-Ni")),  # what differs is said
        ([{"Fe": 0.5}, {"Fe": 0.6, "Ni": 0.05}], ("Fe", "Fe-Ni")),
        ([{"Si": 0.5, "O": 0.2}, {"Si": 0.4, "O": 0.2}, {"Si": 0.4, "O": 0.1}], ("Si-O", "Si-O 2", "Si-O 3")),
        ([{"Ni": 0.6, "Al": 0.3}, {"Al": 0.6, "Ni": 0.3}], ("Ni-Al", "Al-Ni")),
        ([{"Si": 0.5}, {"Si": 0.01}], ("Si", "component 1")),
    ],
)
def test_rules(rows, expected):
    found = names(rows)
    assert len(set(found)) == len(rows)
    assert found == expected


def test_only_what_the_counts_support_is_named():
    assert names([{"Fe": 0.5, "Ni": 0.2}, {"C": 0.5}], sd=0.08) == ("Fe", "C")
    assert names([{"Fe": 0.5}, {"C": 0.5}], counts=[1e5, 99]) == ("Fe", "component 1")
    assert names([{"Fe": 0.5}, {}, {}], smooth=[False, True, True]) == ("Fe", "continuum", "continuum 2")


def test_what_another_solution_has_hardly_any_of_is_not_named():
    elements = ("Fe", "C", "O", "Pt")
    share = np.array([[0.6, 0.14, 0.12, 0.0], [0.3, 0.04, 0.03, 0.3], [0.0, 0.9, 0.0, 0.0]])
    lowest = np.array([[0.58, 0.0, 0.12, 0.0], [0.005, 0.0, 0.0, 0.29], [0.0, 0.86, 0.0, 0.0]])
    sd, smooth, counts = np.full(share.shape, 0.004), np.zeros(3, bool), np.full(3, 1e5)
    assert names_of(ElementShares(elements, share, sd, smooth), counts) == ("Fe-C-O", "Fe-Pt-C", "C")
    assert names_of(ElementShares(elements, share, sd, smooth, lowest), counts) == ("Fe-O", "Pt", "C")
    none = ElementShares(elements, share, sd, smooth, 0 * lowest)
    assert names_of(none, counts) == ("component 0", "component 1", "component 2")
    assert names_of(ElementShares(elements, share, sd, smooth, share), counts) == ("Fe-C-O", "Fe-Pt-C", "C")


@pytest.mark.parametrize("least", [0.0, 0.3])
def test_the_lowest_share_is_that_of_the_spectrum_with_least_of_it(least):
    trial = acquire(PHANTOMS["nicr_film"](), 50, 0)
    ends = trial.truth.endmembers / trial.truth.endmembers.sum(axis=1, keepdims=True)
    total = np.asarray(trial.image.counts.sum(axis=0), float).ravel()
    mixed = np.stack([0.6 * ends[1] + 0.4 * ends[2]])
    others = np.stack([(1 - s) * ends[1] + s * ends[2] for s in np.linspace(least, 0.7, 9)])[:, None]
    found = element_shares(trial.image.energy_kev, total, 1e5 * mixed, None, others)
    pure = element_shares(trial.image.energy_kev, total, 1e5 * ends).share
    k = [found.elements.index(trial.phantom.labels[i]) for i in (1, 2)]
    assert found.lowest is not None
    assert found.lowest[0, k[1]] == pytest.approx(least * pure[2, k[1]], abs=0.01)
    assert found.lowest[0, k[0]] == pytest.approx(0.3 * pure[1, k[0]], abs=0.01)
    assert (found.lowest <= found.share).all()


def test_names_hold_in_every_solution_that_fits_as_well():
    """The shell is in front of the core, and the film behind both: whether cores have Fe and C is not told."""
    trial = acquire(PHANTOMS["buried_cores"](), 120, 0)
    result = bu.unmix(trial.image, 3, "nmf")
    rotations = bu.identify(result, trial.image).rotations
    found = named(replace(result, names=()), trial.image, rotations).names
    assert set(found) == {"Pt", "Fe-O", "C"}
    total = np.asarray(trial.image.counts.sum(axis=0), float).ravel()
    size = result.estimate.abundances.sum(axis=0)[:, None]
    for rotation in rotations[:: max(len(rotations) // 12, 1)]:
        one = np.maximum(rotation @ result.estimate.endmembers, 0)
        shares = element_shares(trial.image.energy_kev, total, size * one)
        for k, name in enumerate(found):
            for element in name.split("-"):
                assert shares.share[k, shares.elements.index(element)] > 0.01


def test_an_assumption_may_use_the_names_of_the_same_fit_without_it():
    image = film().image
    first = bu.unmix(image, 3, "fisher_conditional")
    assert set(first.names) == {"Ni", "Cr", "Si"}
    again = bu.unmix(image, 3, "fisher_conditional", assume=bu.Owns(first.names[0], first.names[0]))
    assert again.names == first.names
    assert again.info["assumptions"] == [f"only {first.names[0]} has {first.names[0]}"]


def test_permuting_components_permutes_names_that_have_no_numbers():
    rows = [{"Fe": 0.5, "O": 0.2, "Cu": 0.1}, {"Fe": 0.5, "Pt": 0.3, "Cu": 0.1}, {"C": 0.7, "Cu": 0.2}]
    found = names(rows)
    for order in ([1, 0, 2], [2, 1, 0]):
        assert names([rows[k] for k in order]) == tuple(found[k] for k in order)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("phantom", "expected"),
    [
        ("nicr_film", {"Ni", "Cr", "Si"}),
        ("core_shell", {"C", "Fe-O", "Pt-Fe"}),
        ("overlapping_lines", {"Fe-Cr", "Cr-O", "Mn-Cr-O"}),
    ],
)
def test_phantoms_are_named_by_what_they_hold(phantom, expected, seed):
    trial = acquire(PHANTOMS[phantom](), 50, 0)
    assert set(bu.unmix(trial.image, 3, "nmf", seed=seed).names) == expected


def test_noise_claims_nothing():
    """Of few counts a spectrum's own errors forbid a name, though the sum spectrum knows the elements."""
    trial = acquire(PHANTOMS["nicr_film"](), 20, 0)
    truth = trial.truth.endmembers
    total = np.asarray(trial.image.counts.sum(axis=0), float).ravel()
    rng = np.random.default_rng(0)
    rows = np.stack([rng.poisson(120 * np.full(truth.shape[1], 1 / truth.shape[1])) for _ in range(20)])
    found = element_shares(trial.image.energy_kev, total, rows)
    assert set(found.elements) == {"Si", "Cr", "Ni"}
    assert (found.share <= 3 * found.sd).mean() > 0.95


def test_errors_grow_with_the_scatter_of_draws():
    trial = acquire(PHANTOMS["nicr_film"](), 20, 0)
    total = np.asarray(trial.image.counts.sum(axis=0), float).ravel()
    ends = trial.truth.endmembers / trial.truth.endmembers.sum(axis=1, keepdims=True)
    mixed = np.random.default_rng(0).dirichlet(np.ones(3), (50, 3)) @ ends
    rows = 1e4 * ends
    sure, unsure = (element_shares(trial.image.energy_kev, total, rows, draws) for draws in (None, mixed))
    np.testing.assert_array_equal(sure.share, unsure.share)
    assert (unsure.sd.diagonal() > 3 * sure.sd.diagonal()).all()


def test_names_of_others_stay():
    image = film().image
    assert bu.unmix(image, 3, "pca").names == ("component 0", "component 1", "component 2")
    result = bu.unmix(image, 3, "nmf")
    assert set(result.names) == {"Ni", "Cr", "Si"}
    mine = replace(result, names=("a", "b", "c"))
    assert named(mine, image) is mine
    known = replace(result, names=(), known=(True, False, False))
    assert named(known, image) is known
    axis = bu.Axis("Loss", 1.0, "eV", 100.0)
    other = bu.SpectrumImage(image.dense(), spectral_axis=axis)
    assert bu.unmix(other, 3, "nmf").names == ("component 0", "component 1", "component 2")


@pytest.mark.skipif(not REAL.exists(), reason="the files of ../shared/data are not on this machine")
@pytest.mark.parametrize(
    ("file", "n_components", "expected"),
    [
        ("core_shell.hspy", 3, [{"C"}, {"Fe", "O"}, {"Pt"}]),
        ("sio2.hspy", 3, [{"Si", "O"}, {"C"}]),
        ("bcf50.bcf", 2, [{"Al"}, {"Ag", "Al"}]),
        ("View000_0000006.pts", 2, [{"Fe", "S"}, {"C", "Cu"}]),
        ("P45_12bit_packed_8bit.bcf", 5, [{"Si", "O"}, {"Si", "Al", "K"}, {"Fe", "Mg"}, {"Ca"}]),
    ],
)
def test_real_files(file, n_components, expected):
    found = [set(name.split("-")) for name in bu.unmix(bu.read(REAL / file), n_components, "nmf").names]
    for elements in expected:
        assert any(elements <= one for one in found), (elements, found)
    assert not any("Zr" in one for one in found), "its L lines lie on those of Pt M"

"""Assumptions narrow the feasible range to what holds under them, and the counts may contradict them."""

import re
from functools import cache

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.assumptions import assumed
from bayesunmix.analysis.feasible_evidence import estimator
from bayesunmix.analysis.references import CONTRADICTS, unexplained_share
from bayesunmix.cli.assuming import read_assumptions
from bayesunmix.spectra import Detector, thin_film

NAMES = ("component 0", "component 1")


@cache
def alloys():
    """Two alloys that share Cr in 24 x 24 pixels: pure squares of 6 x 6 pixels in a mixture."""
    energy_kev = np.arange(1, 10, 0.04)
    chromium, nickel, silicon = (
        (film := thin_film(element).record(energy_kev, Detector())) / film.sum()
        for element in ("Cr", "Ni", "Si")
    )
    endmembers = np.array([0.7 * nickel + 0.3 * chromium, 0.7 * silicon + 0.3 * chromium])
    fraction = np.random.default_rng(0).uniform(0.3, 0.7, (24, 24))
    fraction[3:9, 3:9], fraction[14:20, 12:18] = 1, 0
    truth = bu.Factorization(endmembers, 400 * np.stack([fraction.ravel(), 1 - fraction.ravel()], axis=1))
    image = bu.SpectrumImage(
        np.random.default_rng(1).poisson(truth.expected()).reshape(24, 24, -1), energy_kev
    )
    # An estimate that is as far off as the counts allow: each component holds some of the other.
    rotation = np.array([[0.9, 0.1], [0.1, 0.9]])
    return truth, image, bu.Unmixing(truth, names=NAMES), rotation


def test_a_pure_area_narrows_the_range_and_the_truth_stays_inside():
    truth, image, result, _ = alloys()
    nothing, pure = (bu.identify(result, image, assume=of) for of in ((), bu.PureAreas(36)))
    share = truth.abundances.sum(axis=0) / truth.abundances.sum()
    for found in (nothing, pure):
        assert (found.overall.lower <= share).all() and (share <= found.overall.upper).all()
    assert (pure.overall.half_width <= nothing.overall.half_width + 1e-9).all()
    assert nothing.assumptions == () and pure.assumptions == (
        "every phase has a pure area of at least 36 pixels",
    )


def test_no_larger_area_is_asked_for_than_is_believed():
    _, image, result, _ = alloys()
    nine, fifteen, sixteen = (bu.identify(result, image, assume=bu.PureAreas(n)) for n in (9, 15, 16))
    np.testing.assert_array_equal(fifteen.rotations, nine.rotations)
    assert not np.array_equal(sixteen.rotations, nine.rotations)


def test_the_counts_contradict_a_false_assumption():
    _, image, result, _ = alloys()
    owned = bu.identify(result, image, assume=bu.Owns(0, "Cr"))  # both alloys hold it
    large = bu.identify(result, image, assume=bu.PureAreas(20 * 20))
    other = np.roll(result.estimate.endmembers[0], 30)
    reference = bu.identify(result, image, assume=[bu.Reference(0, other)])
    for found in (owned, large, reference):
        assert any("The counts contradict that" in warning for warning in found.warnings)
    assert "contradicted" in bu.ladder(result, image, [[bu.PureAreas(400)]]).table()


def test_a_spectrum_that_no_mixture_explains_is_contradicted():
    """A line that no component has leaves nothing in the rotation: only what is left over tells."""
    _, image, result, _ = alloys()
    own = result.estimate.endmembers[0]
    line = np.exp(-0.5 * ((image.energy_kev - 6.4) / 0.06) ** 2)
    with_iron = own / 2 + line / line.sum() / 2
    noisy = np.random.default_rng(0).poisson(5000 * own)
    known = bu.Unmixing(result.estimate, names=NAMES, known=(True, True))
    one = bu.unmix(image, 1, "nmf")
    for of in (result, known, one):
        *_, warning = bu.identify(of, image, assume=bu.Reference(0, with_iron)).warnings
        assert warning.startswith("The counts contradict that the spectrum of component 0 is the given one")
        share = re.search("leaves (.*) % of it unexplained", warning)
        assert share is not None and 40 <= float(share[1]) <= 60
    assert unexplained_share(noisy, own, image) < CONTRADICTS


def test_the_same_spectrum_for_two_components_is_a_contradiction():
    _, image, result, _ = alloys()
    own = result.estimate.endmembers[0]
    for same in ([bu.Reference(0, own), bu.Reference(1, own)], [bu.Reference(1, own)]):
        found = bu.identify(result, image, assume=same)
        assert any("The counts contradict that" in warning for warning in found.warnings)
        assert np.isfinite(found.overall.upper).all()


def test_what_the_counts_contradict_makes_no_number_surer():
    """Owned Cr is false: both alloys hold it. The intervals are those without it, and the estimate stays inside."""
    _, image, _, _ = alloys()
    with pytest.warns(bu.UnmixingWarning, match="The counts contradict that only component 0 has Cr"):
        result = bu.unmix(image, 2, "fisher_joint", assume=bu.Owns(0, "Cr"))
    with_nothing = bu.unmix(image, 2, "fisher_joint")
    assert any("The intervals here do not rest on it." in said for said in result.info["warnings"])
    assert "assumptions" not in result.info and result.info["fractions"] == with_nothing.info["fractions"]
    for share in result.info["fractions"].values():
        assert share["lower"] <= share["mean"] <= share["upper"]
    denied = bu.identify(result, image, assume=bu.Reference(0, np.ones(image.n_channels)))
    for content in bu.region(result, image, np.ones((24, 24), bool), identified=denied).components:
        inside = content.fraction.lower <= content.fraction.mean <= content.fraction.upper
        assert inside or content.fraction.identified == "no"


def test_what_only_one_component_has_and_its_true_spectrum_are_no_contradiction():
    truth, image, result, _ = alloys()
    share = truth.abundances.sum(axis=0) / truth.abundances.sum()
    for one in (bu.Owns("component 0", "Ni"), bu.Owns(1, "Si"), bu.Reference(1, 5 * truth.endmembers[1])):
        found = bu.identify(result, image, assume=one)
        assert not found.warnings
        assert (found.overall.lower <= share + 0.005).all() and (share - 0.005 <= found.overall.upper).all()
    np.testing.assert_allclose(
        found.rotations[:, 1], found.rotations[:1, 1].repeat(len(found.rotations), axis=0)
    )


@pytest.mark.parametrize("one", [bu.Owns(0, "Ni"), bu.Owns(1, "Si")])
def test_slopes_of_constraints_are_their_differences(one):
    _, image, result, rotation = alloys()
    amounts = image.counts @ estimator(result.estimate.endmembers, image.sum_spectrum()).T
    (constraint,) = assumed([one], result.estimate, image, NAMES, amounts).constraints
    change = 1e-6 * np.array([[1, -1], [-0.5, 0.5]])
    values, slopes = constraint(rotation)
    after, before = (constraint(rotation + sign * change)[0] for sign in (1, -1))
    assert values.max() > 1
    np.testing.assert_allclose((after - before) / 2, (slopes * change).sum(axis=(1, 2)), rtol=0.05, atol=1e-7)


def test_an_assumption_is_printed_with_every_number(tmp_path):
    _, image, _, _ = alloys()
    result = bu.unmix(image, 2, "fisher_joint", assume=bu.PureAreas(16))
    said = "assuming that every phase has a pure area of at least 16 pixels"
    assert result.info["assumptions"] == ["every phase has a pure area of at least 16 pixels"]
    bu.save_result(result, tmp_path / "result.nc")
    again = bu.load_result(tmp_path / "result.nc")
    whole = bu.region(again, image, np.ones((24, 24), bool))
    for text in (repr(whole), again.doubt, result._repr_html_()):
        assert said in text


def test_the_command_line_reads_them(tmp_path):
    np.save(tmp_path / "film.npy", np.arange(4.0))
    (tmp_path / "film.csv").write_text("keV,counts\n1,5\n2,7\n")
    pure, owns, saved, table = read_assumptions(
        [
            "pure=9",
            "owns=Ca-P-O:Ca",
            f"spectrum=1:{tmp_path / 'film.npy'}",
            f"spectrum=2:{tmp_path / 'film.csv'}",
        ]
    )
    assert pure == bu.PureAreas(9) and owns == bu.Owns("Ca-P-O", "Ca")
    assert saved.component == 1 and saved.spectrum.tolist() == [0, 1, 2, 3]
    assert table.spectrum.tolist() == [5, 7]
    assert read_assumptions(["owns= Ca-P-O : Ca"]) == [owns]
    for wrong in ("pure", "pure=many", "owns=Ca", "spectrum=1:", "likes=1:Ca"):
        with pytest.raises(
            ValueError, match="--assume must be pure=N, owns=NAME:ELEMENT or spectrum=NAME:FILE"
        ):
            read_assumptions([wrong])
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_assumptions(["spectrum=0:nowhere.npy"])


def test_wrong_assumptions_are_one_sentence():
    _, image, result, _ = alloys()
    for assume, said in (
        (bu.Owns(2, "Ni"), "an assumption must name a component, got 2; choose a number from 0 to 1"),
        (bu.Owns("gold", "Ni"), "must name a component, got 'gold'"),
        (bu.Owns(0, "H"), "H"),
        (bu.PureAreas(1000), "an area of 1000 pixels must fit into the image, 24 x 24 pixels"),
        (bu.Reference(0, np.ones(3)), "a reference spectrum must have 225 finite values"),
        (bu.Reference(0, np.zeros(225)), "must not be empty"),
    ):
        with pytest.raises(ValueError, match=said):
            bu.identify(result, image, assume=assume)
    for component in (None, 1.5, True, "0"):
        with pytest.raises(ValueError, match="an assumption must name a component, got"):
            bu.identify(result, image, assume=bu.Owns(component, "Ni"))
    twice = [bu.Reference(0, np.ones(225)), bu.Reference("component 0", np.arange(225))]
    with pytest.raises(ValueError, match="must have at most one reference spectrum, got 2 for component 0"):
        bu.identify(result, image, assume=twice)
    with pytest.raises(TypeError, match="a reference spectrum must be an array of 225 numbers, got 'film'"):
        bu.identify(result, image, assume=bu.Reference(0, "film"))
    for assume in (["pure"], "pure", None, bu.PureAreas):
        for asked in (bu.identify, lambda _, image, assume: bu.unmix(image, 2, "nmf", assume=assume)):
            with pytest.raises(TypeError, match="assume must hold PureAreas, Owns or Reference, got"):
                asked(result, image, assume=assume)
    for wrong in (0, 2.5, True):
        with pytest.raises(ValueError, match="n_pixels must be a whole number, at least 1"):
            bu.PureAreas(wrong)

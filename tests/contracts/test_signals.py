"""What every method, model and question must do with counts that are no X-rays, and with micro-XRF.

It works as if nothing were known of the channels but their order, or it refuses in one sentence that says why.
"""

import re

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from tests.quick import N_COMPONENTS, SEED, SETTINGS, every_method, film, unmixed

REFUSED = re.compile(r"energies of X-rays are needed here.*Wavelength \(nm\).*X-ray lines and elements")
NEEDS_LINES = {"elements"}  # methods
KNOWS_LINES = {"elements", "phases"}  # endmember models
#: Merges channels that no detector resolves, and does not know where there is no detector.
USES_RESOLUTION = {"nmf_ard"}


def on_any_axis(image):
    return bu.SpectrumImage(
        image.counts, None, image.shape, spectral_axis=bu.Axis("Wavelength", 1.5, "nm", 300)
    )


def fluorescence(image):
    return bu.SpectrumImage(image.counts, image.energy_kev, image.shape, signal="xrf")


@pytest.fixture(scope="module")
def other():
    return on_any_axis(film().image)


@pytest.fixture(scope="module")
def result(other):
    return bu.unmix(other, N_COMPONENTS, "fisher_conditional", seed=SEED, **SETTINGS["fisher_conditional"])


def halves(image):
    """Claim that the left and the right half of the map are two phases."""
    columns = np.indices(image.navigation_shape)[1]
    return bu.Claim((columns >= image.navigation_shape[1] // 2) + 1, ("left", "right"))


def require_refusal(ask):
    with pytest.raises(ValueError, match=REFUSED) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", every_method())
def test_a_method_gives_the_same_numbers_on_any_axis_or_refuses(name, other):
    def ask():
        return bu.unmix(other, N_COMPONENTS, name, seed=SEED, **SETTINGS.get(name, {}))

    if name in NEEDS_LINES:
        require_refusal(ask)
        return
    found, known = ask(), unmixed(name)
    assert found.grid.spectral_axis.label == "Wavelength (nm)"
    if name not in USES_RESOLUTION:
        np.testing.assert_array_equal(found.estimate.endmembers, known.estimate.endmembers)
        np.testing.assert_array_equal(found.estimate.abundances, known.estimate.abundances)
    said = " ".join([*found.info["warnings"], repr(found), found._repr_html_()])
    assert "Wavelength 300 to 748.5 nm" in said
    assert not re.search(r"\bkeV\b|\bNi\b|\bCr\b|\bAl\b|which elements", re.sub(r"base64,[^\"]*", "", said))


@pytest.mark.parametrize("name", list(ENDMEMBER_MODELS))
def test_an_endmember_model_that_knows_no_lines_takes_any_axis(name, other):
    model = ENDMEMBER_MODELS[name]()
    if name in KNOWS_LINES:
        require_refusal(lambda: model.prepare(other, None))
        require_refusal(lambda: bu.unmix(other, method="bayes", endmember_model=name))
    else:
        assert model.prepare(other, N_COMPONENTS).n_components == N_COMPONENTS


@pytest.mark.parametrize(
    "settings", [{"endmembers": "lines"}, {"endmembers": "lines", "elements": ("Ni", "Cr")}]
)
def test_mixtures_of_lines_are_refused_by_nuts_too(settings, other):
    require_refusal(lambda: bu.unmix(other, N_COMPONENTS, "bayes_nuts", **settings))


HALF = np.indices((24, 32))[1] < 16
WORKS = {
    "rank": lambda result, image: bu.rank(image),
    "check": lambda result, image: (found := bu.check(result, image), found.sentences, found._repr_html_()),
    "identify": lambda result, image: bu.identify(result, image),
    "ladder": lambda result, image: bu.ladder(result, image, [[bu.PureAreas(4)]]),
    "region": lambda result, image: bu.region(result, image, HALF),
    "phase_fractions": lambda result, image: bu.phase_fractions(result, image),
    "phase_map": lambda result, image: bu.phase_map(result, image),
    "denoised": lambda result, image: bu.denoised(result, image, (3, 4)),
    "line_ratio of windows": lambda result, image: bu.line_ratio(result, image, ((300, 330), (340, 400)), 0),
    "line_map of a window": lambda result, image: bu.line_map(image, (300, 330)),
    "split": lambda result, image: bu.split(image),
    "validate": lambda result, image: bu.validate(image, halves(image), quick=True),
    "plot_maps": lambda result, image: bu.plot_maps(result, image),
    "plot_spectra": lambda result, image: bu.plot_spectra(result, image),
    "plot_checks": lambda result, image: bu.plot_checks(bu.check(result, image)),
    "plot_rank": lambda result, image: bu.plot_rank(bu.rank(image)),
    "spectral_angles": lambda result, image: bu.spectral_angles(
        result.estimate.endmembers, result.estimate.endmembers
    ),
}
NEEDS_X_RAYS = {
    "line_intensities": lambda result, image: bu.line_intensities(result, image, ["Ni_K"]),
    "net_counts": lambda result, image: bu.net_counts(result, image),
    "line_map": lambda result, image: bu.line_map(image, "Ni_Ka"),
    "line_ratio": lambda result, image: bu.line_ratio(result, image, ("Ni_Ka", "Cr_Ka"), 0),
    "quantify": lambda result, image: bu.quantify(result, image),
    "k_ratios": lambda result, image: bu.k_ratios(result, image, {"Ni": "a.msa"}, live_time_s=1, probe_na=1),
    "write_msa": lambda result, image: bu.write_msa(result, image, "."),
    "energy_kev": lambda result, image: image.energy_kev,
    "energy_kev of checks": lambda result, image: bu.check(result, image).energy_kev,
}


@pytest.mark.parametrize("name", WORKS)
def test_a_question_without_lines_is_answered_in_the_unit_of_the_axis(name, result, other):
    said = re.sub(r"base64,[^\"]*", "", repr(WORKS[name](result, other)))
    assert not re.search(r"\bkeV\b|\bX-ray", said.replace("no X-ray causes", ""))


@pytest.mark.parametrize("name", NEEDS_X_RAYS)
def test_a_question_about_lines_is_refused(name, result, other):
    require_refusal(lambda: NEEDS_X_RAYS[name](result, other))


def test_no_public_question_is_forgotten():
    """Of all public functions those are asked here that take an image or a result."""
    asked = {name.partition(" ")[0] for name in (*WORKS, *NEEDS_X_RAYS)}
    others = {
        "unmix",
        "match",
        "verdict",
        "owned_elements",
        "read",
        "write",
        "load_result",
        "save_result",
        "read_claim",
        "cliff_lorimer",
    }
    others |= {"from_hyperspy", "to_hyperspy"}  # tests/hyperspy
    functions = {name for name in bu.__all__ if name.islower()}
    assert functions <= asked | others, functions - asked - others


def test_wrong_spectra_are_described_by_their_place(other):
    known = unmixed("nmf").estimate
    shifted = bu.Unmixing(
        bu.Factorization(np.roll(known.endmembers, 2, axis=1), known.abundances),
        grid=other.grid,
        known=(True,) * N_COMPONENTS,
    )
    found = bu.check(shifted, other)
    assert "no X-ray causes" in repr(found)
    assert found.alarm and set(found.faults) == {"shift", "flat"}
    # Two channels are 3 nm.
    assert found.faults["shift"].amplitude == pytest.approx(-3, rel=0.4)
    assert " nm: " in found.sentences[0] and "nm lower than the model's" in found.sentences[0]
    words = " ".join(found.sentences)
    assert not re.search(r"keV|eV|escape|pile-up|strobe|line|\bNi\b", words), words


@pytest.mark.parametrize("name", list(ENDMEMBER_MODELS))
def test_a_model_with_bremsstrahlung_says_where_it_does_not_apply(name):
    model = ENDMEMBER_MODELS[name]()
    of_film, of_xrf = (
        model.prepare(image, None if name in KNOWS_LINES else N_COMPONENTS)
        for image in (film().image, fluorescence(film().image))
    )
    more = [sentence for sentence in of_xrf.warnings if sentence not in of_film.warnings]
    assert len(more) == (name in KNOWS_LINES)
    assert all("bremsstrahlung" in sentence and "endmember_model='smooth'" in sentence for sentence in more)


def test_the_lines_of_micro_xrf_are_those_of_elements():
    image = fluorescence(film().image)
    found, known = bu.unmix(image, method="elements"), unmixed_elements()
    np.testing.assert_array_equal(found.estimate.endmembers, known.estimate.endmembers)
    more = set(found.info["warnings"]) - set(known.info["warnings"])
    assert len(more) == 1 and "bremsstrahlung" in more.pop()
    assert bu.net_counts(found, image).keys() == bu.net_counts(known, film().image).keys()
    assert "(signal 'xrf')" in repr(image) and "(signal 'xrf')" in repr(found)


def unmixed_elements():
    return bu.unmix(film().image, method="elements")


def test_line_intensities_of_micro_xrf_warn_of_the_continuum():
    image = fluorescence(film().image)
    result = bu.unmix(image, N_COMPONENTS, "fisher_conditional", seed=SEED, verdicts=False, n_draws=8)
    with pytest.warns(bu.UnmixingWarning, match="bremsstrahlung"):
        bu.line_intensities(result, image, ["Ni_K"])

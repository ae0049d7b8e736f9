"""Thin-film emission against published cross-sections and the published Ni/Cr needle, and its conservation laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesunmix.spectra import attenuation, film_transmission, lines, thin_film, weight_fractions
from bayesunmix.spectra.cross_section import ionisation
from bayesunmix.spectra.lines import emission

AXIS = 1 + 0.01 * np.arange(900)
# Values that the authors' own program xion.f gives, as quoted in NIST's BoteSalvatICX: cm2.
XION = [
    (12, "L3", 12.9569, 1.24124e-18),
    (12, "L3", 5.78762e3, 1.30393e-19),
    (23, "L1", 2.90068e5, 5.64142e-21),
    (23, "L1", 15.3993, 2.63509e-20),
    (45, "M3", 1.22321, 2.11571e-19),
    (67, "K", 163.117, 1.36404e-23),
    (78, "M5", 2.98538, 2.02808e-20),
    (99, "L2", 1e6, 1.39024e-22),
    (1, "K", 0.687860, 1.57729e-17),
]


@pytest.mark.parametrize(("number", "shell", "beam_kev", "published"), XION)
def test_ionisation_is_as_published(number, shell, beam_kev, published):
    # The published parameters have three digits. A ratio: pytest.approx takes any two numbers below 1e-12 for equal.
    assert ionisation(number, shell, beam_kev) / published == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("number", "shell", "edge_kev"),
    [(14, "K", 1.8285), (28, "K", 8.333), (79, "L3", 11.919), (79, "K", 80.725)],
)
def test_ionisation_begins_at_the_edge_and_its_two_formulas_meet(number, shell, edge_kev):
    assert ionisation(number, shell, 0.97 * edge_kev) == 0
    near, far = (ionisation(number, shell, edge_kev * u) for u in (15.99, 16.01))
    assert far / near == pytest.approx(1, abs=0.01)


def test_ionisation_is_likeliest_near_four_times_the_edge():
    beams = 1.839 * np.geomspace(1.05, 30, 60)
    values = np.array([ionisation(14, "K", beam) for beam in beams])
    assert 3 < beams[values.argmax()] / 1.839 < 5


def test_a_shell_that_an_element_lacks_is_never_ionised():
    assert ionisation(6, "M1", 200) == ionisation(120, "K", 200) == 0


@pytest.mark.parametrize(
    ("formula", "published"),
    [("Fe2O3", {"Fe": 0.6994, "O": 0.3006}), ("SiO2", {"Si": 0.4674, "O": 0.5326}), ("Ni", {"Ni": 1.0})],
)
def test_weight_fractions_of_a_formula(formula, published):
    weights = weight_fractions(formula)
    assert weights.keys() == published.keys()
    assert weights == pytest.approx(published, abs=2e-4)


@settings(max_examples=10)
@given(st.dictionaries(st.sampled_from(["Si", "Cr", "Fe", "Pt"]), st.floats(0.01, 1), min_size=2))
def test_a_mixture_emits_what_its_parts_emit(parts):
    total = sum(parts.values())
    mixture = thin_film({element: part / total for element, part in parts.items()}).record(AXIS)
    pure = sum(part / total * thin_film(element).record(AXIS) for element, part in parts.items())
    np.testing.assert_allclose(mixture, pure, rtol=1e-9)


@pytest.mark.parametrize("element", ["Si", "Cr", "Ni"])
def test_families_are_all_lines_that_the_beam_excites(element):
    film = thin_film(element)
    assert sum(film.families().values()) / film.lines.intensity.sum() == pytest.approx(1)
    in_family = np.array([name.startswith(f"{element}_K") for name in film.lines.names])
    k_lines = film.lines.intensity[in_family]
    np.testing.assert_allclose(k_lines / k_lines.sum(), lines(element).intensity, rtol=1e-9)
    assert f"{element}_K" not in thin_film(element, beam_kev=1.2).families()


def test_vacancies_move_outwards_before_they_are_filled():
    """Coster-Kronig transitions bring more than a third of platinum's L1 vacancies to L3, none from L3 to L1."""
    of_l1, of_l3 = (
        dict.fromkeys(["Pt_La", "Pt_Lg"], 0.0)
        | _groups(emission("Pt", {"L1": 0.0, "L2": 0.0, "L3": 0.0} | one))
        for one in ({"L1": 1.0}, {"L3": 1.0})
    )
    assert 1 / 3 < of_l1["Pt_La"] / of_l3["Pt_La"] < 3 / 4
    assert of_l3["Pt_Lg"] == 0 < of_l1["Pt_Lg"]


def test_heavy_elements_shine_in_m_lines_between_1_and_4_kev():
    for element, strongest in (("Lu", 1.581), ("Pt", 2.050), ("Au", 2.123), ("U", 3.171)):
        family = lines(element, "M")
        assert family.energy_kev[family.intensity.argmax()] == pytest.approx(strongest, abs=0.005)
        assert thin_film(element).families()[f"{element}_M"] > 0


@pytest.mark.parametrize(("element", "published"), [("Si", 0.0163), ("Cr", 0.0400), ("Ni", 0.0527)])
def test_continuum_over_peak_is_that_of_the_needle(element, published):
    """Counts of 2.1 to 3.3 keV over those of K-alpha, from the published endmembers."""
    alpha = {"Si": (1.55, 2.05), "Cr": (5.15, 5.65), "Ni": (7.2, 7.75)}[element]
    spectrum = thin_film(element).record(AXIS)
    assert _window(spectrum, 2.1, 3.3) / _window(spectrum, *alpha) == pytest.approx(published, rel=0.15)


def test_continuum_grows_with_z_squared_and_falls_as_one_over_energy():
    per_atom = {el: thin_film(el).continuum(AXIS) * w for el, w in (("Si", 28.085), ("Ni", 58.693))}
    np.testing.assert_allclose(per_atom["Ni"] / per_atom["Si"], (28 / 14) ** 2, rtol=1e-3)
    np.testing.assert_allclose(per_atom["Si"] * AXIS / (per_atom["Si"] * AXIS)[0], 1, rtol=1e-3)


def test_attenuation_is_as_tabulated():
    """NIST XCOM, total with coherent scattering: cm2/g."""
    assert attenuation("Si", np.array([10.0])) == pytest.approx(33.89, rel=0.01)
    assert attenuation("Ni", np.array([5.0])) == pytest.approx(179.0, rel=0.01)
    np.testing.assert_allclose(
        attenuation("SiO2", AXIS),
        0.4674 * attenuation("Si", AXIS) + 0.5326 * attenuation("O", AXIS),
        rtol=1e-3,
    )


@given(st.floats(1e-6, 30), st.floats(1, 90))
def test_film_transmission_is_the_mean_over_depth(thickness, takeoff):
    path = thickness / np.sin(np.radians(takeoff))
    depth = (np.arange(4000) + 0.5) / 4000
    expected = np.exp(-path * depth).mean()
    assert film_transmission(np.array(thickness), takeoff) == pytest.approx(expected, rel=1e-2, abs=1e-6)
    assert film_transmission(np.array(thickness), takeoff / 2, takeoff / 2) == pytest.approx(
        film_transmission(np.array(thickness), takeoff), rel=1e-9
    )


def test_nothing_is_absorbed_where_nothing_is():
    assert film_transmission(np.zeros(3), 20).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: thin_film("Xx2"),
            "composition must be a chemical formula such as 'Fe2O3' of known elements",
        ),
        (lambda: thin_film(""), "composition must be a chemical formula"),
        (lambda: thin_film({"Xx": 1.0}), "element must be a chemical symbol such as 'Ni', got 'Xx'"),
        (
            lambda: thin_film({"Fe": 30, "O": 70}),
            "must sum to one, got .* with sum 100; divide percent by 100",
        ),
        (lambda: thin_film({"Fe": 1.2, "O": -0.2}), "must not be negative"),
        (lambda: thin_film({}), "must not be negative and must sum to one"),
        (lambda: thin_film("Ni", beam_kev=0), "beam_kev must be a positive energy in keV, got 0"),
        (lambda: thin_film("Ni", beam_kev=np.nan), "beam_kev must be a positive energy in keV, got nan"),
        (
            lambda: thin_film("C").record(AXIS),
            "no line of C lies between 1 and 9.99 keV at a beam of 200 keV",
        ),
        (lambda: thin_film("Ni", 5).record(AXIS[100:]), "widen the axis or raise the beam"),
        (
            lambda: film_transmission(np.ones(1), 10, -10),
            "take-off angle plus tilt must lie between 0 and 180",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def _groups(family):
    return {
        name: family.intensity[[n == name for n in family.names]].sum() for name in sorted(set(family.names))
    }


def _window(spectrum, low, high):
    return spectrum[slice(*np.searchsorted(AXIS, (low - 1e-9, high - 1e-9)))].sum()

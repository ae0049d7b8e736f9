"""Lines, continuum and detector against known answers, and the conservation of photons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesunmix.spectra import Detector, channel_edges, kramers, lines

# NIST X-ray Transition Energies Database (SRD 128), experimental values in keV.
K_LINES_KEV = {"Si": 1.73998, "Cr": 5.41480, "Ni": 7.47825, "Cu": 8.04782, "Fe": 6.40401}
# A detector that records every photon, so that areas can be followed.
TRANSPARENT = Detector(window_um=0, dead_layer_um=0, crystal_mm=1000)


@pytest.mark.parametrize(("element", "alpha_1"), K_LINES_KEV.items())
def test_strongest_k_line_is_where_nist_has_it(element, alpha_1):
    family = lines(element, "K")
    assert family.energy_kev[np.argmax(family.intensity)] == pytest.approx(alpha_1, abs=1e-3)


@pytest.mark.parametrize(("element", "centroid"), [("Si", 1.740), ("Cr", 5.411), ("Ni", 7.472)])
def test_centroid_of_the_alpha_group(element, centroid):
    energy, weight = _group(lines(element, "K"), f"{element}_Ka")
    assert energy @ weight / weight.sum() == pytest.approx(centroid, abs=2e-3)


@pytest.mark.parametrize("element", ["Cr", "Mn", "Fe", "Ni", "Cu"])
def test_beta_is_an_eighth_to_a_seventh_of_alpha_in_3d_metals(element):
    family = lines(element, "K")
    beta, alpha = (_group(family, f"{element}_K{letter}")[1].sum() for letter in "ba")
    assert 1 / 8 < beta / alpha < 1 / 7


def test_l_family_of_nickel_is_led_by_la_near_851_ev():
    family = lines("Ni", "L")
    energy, weight = _group(family, "Ni_La")
    assert energy == pytest.approx(0.851, abs=2e-3)
    assert weight.sum() == max(_group(family, name)[1].sum() for name in set(family.names))
    assert {"Ni_La", "Ni_Lb", "Ni_Ll", "Ni_Ln"} <= set(family.names)


@settings(deadline=None)
@given(st.sampled_from(["Al", "Si", "Ti", "Cr", "Mn", "Fe", "Ni", "Cu", "Nd", "Pt"]), st.sampled_from("KL"))
def test_a_family_is_a_distribution_named_after_its_element(element, shell):
    family = lines(element, shell)
    assert len(family.names) == family.energy_kev.size == family.intensity.size
    assert family.intensity.min() > 0
    assert family.intensity.sum() == pytest.approx(1)
    assert family.energy_kev.min() > 0
    assert all(name.startswith(f"{element}_{shell}") for name in family.names)


@pytest.mark.parametrize(
    ("element", "shell", "sentence"),
    [
        ("Xx", "K", "element must be a chemical symbol such as 'Ni', got 'Xx'"),
        (28, "K", "element must be a chemical symbol such as 'Ni', got 28"),
        ("Ni", "N", "family must be 'K' or 'L' or 'M', got 'N'"),
        ("H", "L", "xraylib knows no L line of H"),
    ],
)
def test_a_wrong_line_is_one_sentence(element, shell, sentence):
    with pytest.raises(ValueError, match=sentence):
        lines(element, shell)


@settings(deadline=None)
@given(st.floats(1.0, 9.0), st.floats(0.003, 0.5))
def test_a_peak_keeps_its_area_on_any_channel_width(line_kev, width):
    axis = np.arange(-3, 14, width)
    recorded = TRANSPARENT.record([line_kev], np.array([7.0]), axis)
    assert recorded.min() >= 0
    assert recorded.sum() == pytest.approx(7, rel=1e-9)


@settings(deadline=None)
@given(st.integers(2, 30))
def test_channels_of_a_coarse_axis_hold_exactly_their_fine_channels(per_channel):
    fine = 0.5 + 0.01 * np.arange(30 * per_channel)
    coarse = fine.reshape(-1, per_channel).mean(axis=1)
    family = lines("Si", "K")
    whole = Detector().record(family.energy_kev, family.intensity, coarse)
    parts = Detector().record(family.energy_kev, family.intensity, fine)
    np.testing.assert_allclose(whole, parts.reshape(-1, per_channel).sum(axis=1), atol=1e-12)


@pytest.mark.parametrize(("energy", "fwhm_ev"), [(1.740, 100), (5.410, 138), (7.470, 157)])
def test_width_of_the_peaks_of_the_talk(energy, fwhm_ev):
    assert 1000 * Detector().fwhm_kev(energy) == pytest.approx(fwhm_ev, rel=0.02)
    axis = np.arange(0.5, 10, 0.001)
    peak = Detector().record([energy], np.array([1.0]), axis)
    measured = np.ptp(axis[peak > peak.max() / 2])
    assert 1000 * measured == pytest.approx(fwhm_ev, rel=0.03)


def test_efficiency_is_a_probability_with_a_step_at_the_silicon_edge():
    energy = np.linspace(0.3, 30, 300)
    efficiency = Detector().efficiency(energy)
    assert efficiency.min() > 0
    assert efficiency.max() < 1
    below, above = Detector().efficiency(np.array([1.838, 1.840]))
    assert below > above * 1.02  # the dead layer absorbs more above the Si K edge at 1.839 keV
    assert Detector().efficiency(30.0) < 0.35 < 0.95 < Detector().efficiency(8.0)  # 0.45 mm of Si


def test_more_material_in_front_means_fewer_photons():
    energy = np.linspace(0.5, 5, 50)
    clear, thick = (Detector(window_um=um, dead_layer_um=um).efficiency(energy) for um in (0.05, 1.0))
    assert (thick < clear).all()


def test_kramers_falls_as_its_law_says():
    axis = np.arange(1, 10, 0.01)
    photons = kramers(axis, beam_kev=20)
    law = (20 - axis) / axis
    np.testing.assert_allclose(photons, law / law.sum(), rtol=1e-4)
    assert photons.sum() == pytest.approx(1)


def test_no_photon_has_more_energy_than_the_beam():
    axis = np.arange(1, 10, 0.01)
    photons = kramers(axis, beam_kev=5)
    assert (photons[axis > 5.01] == 0).all()
    assert (photons[axis < 4.99] > 0).all()


@pytest.mark.parametrize(("start", "beam"), [(-0.5, 200), (1, 0.5), (1, -3), (1, np.nan), (1, np.inf)])
def test_a_continuum_without_a_law_is_one_sentence(start, beam):
    with pytest.raises(ValueError, match="0 < lowest channel edge < beam energy"):
        kramers(start + 0.01 * np.arange(100), beam)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=50))
def test_edges_enclose_their_centres(steps):
    centres = np.cumsum(steps)
    edges = channel_edges(centres)
    assert edges.size == centres.size + 1
    assert (edges[:-1] < centres).all()
    assert (centres < edges[1:]).all()


@pytest.mark.parametrize("centres", [[1.0], [2.0, 1.0], [1.0, 1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_an_axis_without_edges_is_one_sentence(centres):
    with pytest.raises(ValueError, match="strictly increasing channel centres"):
        channel_edges(np.array(centres))


def _group(family, name):
    chosen = np.array(family.names) == name
    return family.energy_kev[chosen], family.intensity[chosen]

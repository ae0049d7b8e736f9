"""Materials make phantoms: brightness and lines follow from composition, and each specimen is what its file says."""

import numpy as np
import pytest

from bayesunmix.data.alignment import spectral_angles
from simulations import PHANTOMS, acquire
from simulations.material import Material
from simulations.phantoms.particles_espm import DOSES
from simulations.specimen import channels, specimen, sphere_chords

IRON = {"Fe": Material("Fe", 7.87), "FeO": Material("FeO", 5.74)}
THICKNESS = np.array([[[10.0, 0], [0, 20.0]], [[0, 0], [5.0, 5.0]]])


def fractions(phantom):
    return phantom.truth.fractions * phantom.specimen[:, None]


def test_counts_follow_thickness_density_and_emission():
    made = specimen("x", IRON, THICKNESS, channels(800), pixel_nm=1)
    iron, oxide, _, both = made.truth.abundances.reshape(4, 2)
    assert iron[0] / 10 == pytest.approx(both[0] / 5)
    assert oxide[1] / 20 == pytest.approx(both[1] / 5)
    # A nanometre of FeO holds 77.7 % x 5.74 / 7.87 of the iron of a nanometre of Fe.
    lines = made.line_intensities()["Fe_K"].ravel()
    assert (lines[1] / 20) / (lines[0] / 10) == pytest.approx(0.777 * 5.74 / 7.87, rel=0.01)
    assert made.specimen.tolist() == [True, True, False, True]


def test_brightness_may_be_given():
    made = specimen("x", IRON, THICKNESS, channels(800), pixel_nm=1, brightness=(1, 3))
    iron, oxide = made.truth.abundances[0, 0] / 10, made.truth.abundances[1, 1] / 20
    assert oxide == pytest.approx(3 * iron)


@pytest.mark.parametrize(
    ("materials", "axis", "sentence"),
    [
        ({"x": Material("Xy", 1), "FeO": IRON["FeO"]}, channels(800), "Xy"),
        (
            {"x": Material({"Xy": 1.0}, 1), "FeO": IRON["FeO"]},
            channels(800),
            "element must be a chemical symbol",
        ),
        (IRON, channels(100, low_kev=2.0), r"no line of Fe lies between 2 and 2.99 keV .*; widen the axis"),
    ],
)
def test_an_impossible_material_is_one_sentence(materials, axis, sentence):
    with pytest.raises(ValueError, match=sentence):
        specimen("x", materials, THICKNESS, axis, pixel_nm=1)


@pytest.mark.parametrize("n", [1, 0, 2.5])
def test_an_axis_of_less_than_two_channels_is_one_sentence(n):
    with pytest.raises(ValueError, match="n_channels must be a whole number from 2 on, got"):
        channels(n)


def test_chords_fill_a_sphere():
    chords = sphere_chords((40, 50), 0.5, np.array([[10.0, 12.0], [8.0, 9.0]]), np.array([6.0, 3.0]))
    assert chords.shape == (2, 40, 50)
    volumes = chords.sum(axis=(1, 2)) * 0.25
    np.testing.assert_allclose(volumes, 4 / 3 * np.pi * np.array([216, 27]), rtol=2e-3)
    assert chords[0].max() == pytest.approx(12, rel=0.01)
    y, x = np.unravel_index(chords[0].argmax(), (40, 50))
    assert (abs(y - 19.5), abs(x - 23.5)) <= (1, 1)


def test_nicr_mixed_has_no_pure_pixel():
    for purest in (0.5, 0.7):
        mixed = PHANTOMS["nicr_mixed"](purest=purest)
        assert mixed.truth.fractions.max() == pytest.approx(purest)
        assert (mixed.truth.fractions.max(axis=0) > 0.9 * purest).all(), "each component comes near it"
    with pytest.raises(ValueError, match="purest must lie between a third and one"):
        PHANTOMS["nicr_mixed"](purest=0.3)


def test_diffusion_couple_grades_as_the_error_function():
    couple = PHANTOMS["diffusion_couple"]()
    nickel = (couple.thickness_nm[:, 1] / couple.thickness_nm.sum(axis=1)).reshape(64, 96)
    assert (np.diff(nickel[0]) > 0).all()
    np.testing.assert_array_equal(nickel[0], nickel[-1])
    x_nm = 10 * (np.arange(96) + 0.5 - 48)
    # The 84 % point of an error function of this length lies 1 / sqrt(2) of it from the middle.
    assert np.interp(0.8413, nickel[0], x_nm) == pytest.approx(120 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("trace", [0.003, 0.005, 0.01])
def test_a_trace_phase_is_in_the_stated_share_of_the_pixels(trace):
    foil = PHANTOMS["trace_precipitates"](trace=trace)
    share = (fractions(foil)[:, 2] > 0.01).mean()
    assert 0.001 < share < 0.01 * 1.35
    assert share == pytest.approx(trace, rel=0.35)


@pytest.mark.parametrize("trace", [0, 0.0005, 0.2])
def test_an_impossible_trace_is_one_sentence(trace):
    with pytest.raises(ValueError, match="trace must give at least one precipitate"):
        PHANTOMS["trace_precipitates"](trace=trace)


def test_a_core_is_never_seen_without_its_shell():
    particles = PHANTOMS["core_shell"]()
    carbon, shell, core = particles.thickness_nm.T
    assert (shell[core > 0] > 0).all()
    assert (core > 0).any()
    assert set(carbon) == {0.0, 10.0}
    assert 0.05 < (~particles.specimen).mean() < 0.15, "a hole"


def test_grains_are_eight_phases_that_share_elements_and_overlap():
    foil = PHANTOMS["grains"]()
    assert len(foil.labels) == 8
    with_iron = foil.line_shares["Fe_K"] > 0
    assert with_iron.sum() >= 7
    pure = foil.truth.fractions.max(axis=1) > 0.999
    assert 0.4 < pure.mean() < 0.9
    with pytest.raises(ValueError, match="n_grains must be at least 8"):
        PHANTOMS["grains"](n_grains=7)


def test_overlapping_lines_are_nearly_collinear():
    scale = PHANTOMS["overlapping_lines"]()
    angles = spectral_angles(scale.truth.endmembers, scale.truth.endmembers)
    assert angles[1, 2] < 15
    # Mn Ka is Cr Kb to this detector: one peak, no valley between 5.85 and 6.0 keV.
    spinel = scale.truth.endmembers[2][(scale.energy_kev > 5.85) & (scale.energy_kev < 6.0)]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(spinel))))
    assert turns.size == 1


def test_a_wedge_grows_from_nothing():
    wedge = PHANTOMS["thickness_wedge"]()
    thickness = wedge.thickness_nm.sum(axis=1).reshape(80, 112)
    assert (thickness[:, :11] == 0).all()
    np.testing.assert_allclose(np.diff(thickness[0, 12:]), np.diff(thickness[0, 12:])[0])
    assert thickness.max() == pytest.approx(200, rel=0.01)
    with pytest.raises(ValueError, match="thickest_nm must be a positive length in nm, got 0"):
        PHANTOMS["thickness_wedge"](thickest_nm=0)


def test_the_espm_set_is_the_published_one():
    particles = PHANTOMS["particles_espm"]()
    assert (*particles.navigation_shape, particles.energy_kev.size) == (128, 128, 1980)
    np.testing.assert_allclose(particles.energy_kev[[0, -1]], [0.3, 20.09])
    assert particles.labels == ("bridgmanite", "ferropericlase", "Ca-perovskite")
    bridgmanite, periclase, perovskite = (material.composition for material in particles.materials)
    assert periclase["Mg"] / periclase["Fe"] == pytest.approx(0.522 / 0.104)
    assert perovskite["Ca"] / perovskite["Si"] == pytest.approx(0.188 / 0.173)
    assert "Hf" in bridgmanite
    assert {"Sm", "Lu", "Nd"} <= set(perovskite)
    thickness = particles.thickness_nm
    np.testing.assert_allclose(thickness.sum(axis=1), 100)
    np.testing.assert_allclose(thickness[:, 1:].max(axis=0), 50, rtol=0.01)
    assert (thickness[:, 1:] > 0).all(axis=1).sum() == 0, "the spheres stand apart"
    assert DOSES == (293, 18)
    for dose in DOSES:
        assert acquire(particles, dose, 0).image.n_photons / 128**2 == pytest.approx(dose, rel=0.01)


def test_null_has_one_phase_and_no_other():
    assert PHANTOMS["null"]().truth.n_components == 1

"""The Ni/Cr film has the geometry, the peaks and the shares of the published specimen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import PHANTOMS
from simulations.nicr import BRIGHTNESS

nicr_film = PHANTOMS["nicr_film"]


@pytest.fixture(scope="module")
def film():
    return nicr_film()


def test_the_axis_of_the_talk(film):
    np.testing.assert_allclose(film.energy_kev, 1.00 + 0.010 * np.arange(900), atol=1e-12)
    assert film.labels == ("Si", "Cr", "Ni")


@pytest.mark.parametrize(
    ("element", "energy_kev", "fwhm_ev"), [("Si", 1.740, 100), ("Cr", 5.410, 138), ("Ni", 7.470, 157)]
)
def test_peaks_stand_where_the_talk_has_them(film, element, energy_kev, fwhm_ev):
    position, width = _peak(film, element)
    assert position == pytest.approx(energy_kev, abs=0.005)
    assert 1000 * width == pytest.approx(fwhm_ev, rel=0.08)


@pytest.mark.parametrize(
    ("element", "low", "high", "share"),
    [
        ("Si", 1.55, 2.05, 0.919),
        ("Si", 2.1, 3.3, 0.015),
        ("Cr", 5.15, 5.65, 0.750),
        ("Cr", 5.75, 6.2, 0.108),
        ("Cr", 2.1, 3.3, 0.030),
        ("Ni", 7.2, 7.75, 0.721),
        ("Ni", 8.0, 8.5, 0.106),
        ("Ni", 2.1, 3.3, 0.038),
    ],
)
def test_shares_are_the_published_ones(film, element, low, high, share):
    window = (film.energy_kev >= low) & (film.energy_kev < high)
    assert _endmember(film, element)[window].sum() == pytest.approx(share, rel=0.15)


def test_the_continuum_has_one_shape(film):
    free = (film.energy_kev > 2.2) & (film.energy_kev < 4.5)
    shapes = film.truth.endmembers[:, free]
    shapes = shapes / shapes.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shapes, shapes[[0, 0, 0]], rtol=1e-6)
    assert shapes[0, 0] > 1.7 * shapes[0, -1], "it falls with energy"


def test_brightness_of_the_pure_materials(film):
    brightness = film.truth.abundances.max(axis=0)
    np.testing.assert_allclose(brightness / brightness.sum(), np.array([23, 33, 30]) / 86, rtol=0.01)


def test_layers_have_the_published_thickness():
    film = nicr_film((9, 128), lean_deg=0)
    maps = film.truth.fractions.reshape(9, 128, 3)[4]
    present = film.specimen.reshape(9, 128)[4]
    widths = [len(run) * 4 for run in _runs(np.where(present, maps.argmax(axis=-1), -1))]
    assert widths == [64, 56, 68, 56, 68, 56, 68, 56, 4, 16]  # Si, Cr and Ni in turn, a cut Ni, vacuum


def test_lean_shifts_layers_by_six_pixels_over_sixty():
    film = nicr_film((61, 128))
    nickel = film.truth.fractions[:, 2].reshape(61, 128) * film.specimen.reshape(61, 128)
    first = nickel[:, 25:55]
    centre = (first * np.arange(30)).sum(axis=1) / first.sum(axis=1)
    assert centre[0] - centre[-1] == pytest.approx(6, abs=0.2)


def test_an_interface_is_an_error_function():
    film = nicr_film((3, 256), pixel_nm=1, interface_nm=5, lean_deg=0)
    # Composition: counts without the brightness of each material.
    amount = (film.truth.abundances / BRIGHTNESS).reshape(3, 256, 3)[1, 30:90]
    chromium = amount[:, 1] / amount.sum(axis=-1)
    low, high = np.interp([0.1, 0.9], chromium, np.arange(60))
    assert high - low == pytest.approx(2.563 * 5, rel=0.01)
    assert np.interp(0.5, chromium, 30.5 + np.arange(60)) == pytest.approx(64, abs=0.01)


@pytest.mark.parametrize("roughness", [4.0, 8.0])
def test_a_rough_boundary_wanders_by_its_standard_deviation(roughness):
    film = nicr_film((400, 64), pixel_nm=4, lean_deg=0, interface_nm=0, roughness_nm=roughness)
    silicon_nm = 4 * (film.thickness_nm[:, 0].reshape(400, 64) / film.thickness_nm[0, 0]).sum(axis=1)
    assert silicon_nm.mean() == pytest.approx(64, abs=0.5)
    assert silicon_nm.std() == pytest.approx(roughness, rel=0.02)
    assert np.abs(np.diff(silicon_nm)).max() < roughness, "it wanders, it does not jump"


def test_a_boundary_that_overtakes_another_leaves_every_pixel_full():
    film = nicr_film((64, 128), roughness_nm=40)
    filled = film.thickness_nm.sum(axis=1).reshape(64, 128)
    np.testing.assert_allclose(filled[:, 12:100], filled[0, 50], rtol=1e-12)


def test_vacuum_is_empty_and_interiors_are_pure(film):
    maps = film.truth.abundances.reshape(64, 64, 3)
    assert (maps[-1, -6:] == 0).all()
    assert 0.03 < 1 - film.specimen.mean() < 0.10
    assert (film.truth.fractions[film.specimen].max(axis=1) > 0.999).mean() > 0.8


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(64, 90),
    st.sampled_from([2, 3, 90, 300, 900]),
    st.floats(-20, 20),
    st.floats(0, 30),
    st.floats(0, 40),
)
def test_any_film_is_a_canonical_truth(rows, columns, channels, lean, interface, vacuum):
    film = nicr_film(
        (rows, columns), n_channels=channels, lean_deg=lean, interface_nm=interface, vacuum_nm=vacuum
    )
    # Phantom itself checks signs, sums and the unit dose.
    np.testing.assert_allclose(film.truth.fractions.sum(axis=1), 1, atol=1e-12)
    assert film.energy_kev.size == channels


@pytest.mark.parametrize("merge", [2, 3, 10, 100])
def test_coarse_channels_hold_what_fine_ones_hold(film, merge):
    coarse = nicr_film(n_channels=900 // merge)
    merged = film.truth.endmembers.reshape(3, -1, merge).sum(axis=2)
    np.testing.assert_allclose(coarse.truth.endmembers, merged, atol=1e-12)


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"shape": (64, 0)}, "shape must be two whole numbers of pixels"),
        ({"shape": (64, 64, 2)}, "shape must be two whole numbers of pixels"),
        ({"shape": (8, 8)}, "the field must hold Si, Cr and Ni, but its surface at 16 nm"),
        ({"n_channels": 1}, "n_channels must be a whole number from 2 on, got 1"),
        ({"n_channels": 4.5}, "n_channels must be a whole number from 2 on, got 4.5"),
        ({"pixel_nm": 0}, "pixel_nm must be a positive length in nm, got 0"),
        ({"cr_nm": float("nan")}, "cr_nm must be a positive length in nm, got nan"),
        ({"interface_nm": -1}, "interface_nm must not be negative, and finite, got -1"),
        ({"roughness_nm": -1}, "roughness_nm must not be negative, and finite, got -1"),
        ({"lean_deg": 90}, "lean_deg must lie between -90 and 90"),
        ({"vacuum_nm": float("inf")}, "vacuum_nm must not be negative, and finite, got inf"),
    ],
)
def test_an_impossible_film_is_one_sentence(settings_, sentence):
    with pytest.raises(ValueError, match=sentence):
        nicr_film(**settings_)


def _endmember(film, element):
    return film.truth.endmembers[film.labels.index(element)]


def _peak(film, element):
    """Position and full width at half maximum of the tallest peak, by interpolation."""
    spectrum, energy = _endmember(film, element), film.energy_kev
    top = spectrum.argmax()
    half = spectrum[top] / 2
    left = np.interp(half, spectrum[top - 10 : top + 1], energy[top - 10 : top + 1])
    right = np.interp(-half, -spectrum[top : top + 11], energy[top : top + 11])
    around = slice(top - 4, top + 5)
    return np.average(energy[around], weights=spectrum[around]), right - left


def _runs(values):
    return np.split(values, np.flatnonzero(np.diff(values)) + 1)

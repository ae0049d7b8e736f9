"""The phantoms in which an assumption that helps elsewhere is false: each breaks the one that its page names."""

import numpy as np
import pytest

import bayesunmix as bu
from simulations import PHANTOMS, acquire
from simulations.acquisition import Acquisition


def shares(name):
    abundances = PHANTOMS[name]().truth.abundances
    return abundances / abundances.sum(axis=1, keepdims=True)


def window(phantom, line):
    """Share of each true endmember in the window of a line, (K,)."""
    image = bu.SpectrumImage(np.ones((1, phantom.energy_kev.size), int), phantom.energy_kev)
    return np.array([bu.line_map(image, line, one(e)).item() for e in phantom.truth.endmembers])


def one(endmember):
    return bu.Factorization(endmember[None], np.ones((1, 1)))


def test_no_pixel_shows_a_buried_core_without_its_shell_and_both_hold_iron():
    phantom = PHANTOMS["buried_cores"]()
    abundances = phantom.truth.abundances
    film, shell, core = abundances.T
    assert (film > 0).all() and (shell[core > 0] > 0).all()
    assert shares("buried_cores")[:, 2].max() < 0.85
    assert (phantom.line_shares["Fe_K"][1:] > 0).all()
    iron, platinum = window(phantom, "Fe_Ka"), window(phantom, "Pt_La")
    assert iron[2] / platinum[2] == pytest.approx(0.236, abs=0.001)
    # The pixels over cores show far more iron than the cores hold.
    over = core > 0
    seen = (abundances[over] @ iron).sum() / (abundances[over] @ platinum).sum()
    assert seen > 3 * iron[2] / platinum[2]


def test_the_film_is_as_thick_behind_particles_as_beside_them():
    abundances = PHANTOMS["particles_on_film"]().truth.abundances
    np.testing.assert_allclose(abundances[:, 0], abundances[0, 0], rtol=1e-12)
    bare = (abundances[:, 1:] == 0).all(axis=1)
    assert 0.2 < bare.mean() < 0.8
    assert (abundances[:, 1:] > 0).all(axis=1).any(), "particles lie on others"
    assert PHANTOMS["particles_on_film"](film_nm=120).truth.abundances[bare, 0].max() > abundances[0, 0]


def test_the_spectrum_of_the_silicate_changes_with_its_thickness():
    phantom = PHANTOMS["absorbing_silicate"]()
    thickness = phantom.thickness_nm[:, 1]
    image = acquire(phantom, 500, 0).image
    soft, hard = (bu.line_map(image, line).ravel() for line in ("O_Ka", "Fe_Ka"))
    thin = (thickness > 0) & (thickness < np.median(thickness[thickness > 0]) / 3)
    thick = thickness > 0.9 * thickness.max()
    ratios = [soft[some].sum() / hard[some].sum() for some in (thin, thick)]
    assert ratios[1] < 0.9 * ratios[0]
    # The acquisition's own angle comes first.
    steep = acquire(phantom, 500, 0, Acquisition(takeoff_deg=70)).image
    assert steep.n_photons > 1.02 * image.n_photons


def test_the_upper_rows_of_a_partial_frame_have_a_higher_dose():
    phantom = PHANTOMS["partial_frame"]()
    total = phantom.truth.abundances / phantom.thickness_nm.sum(axis=1, keepdims=True)
    even = total / phantom.relative_dose[:, None]
    present = phantom.thickness_nm[:, 0] == phantom.thickness_nm.max()
    np.testing.assert_allclose(even[present, 0], even[present, 0][0], rtol=1e-9)
    rows = phantom.relative_dose.reshape(phantom.navigation_shape)[:, 0]
    np.testing.assert_allclose(np.unique(rows / rows.min()), [1, 1.49])
    assert (rows[:16] > rows[-1]).all() and (rows[16:] == rows[-1]).all()
    assert (PHANTOMS["partial_frame"](rows=0).relative_dose == 1).all()


def test_pixels_of_the_eutectic_are_mixtures_and_say_nothing_of_their_neighbours():
    fractions = shares("fine_eutectic")
    assert fractions.min() > 0 and fractions.max() < 0.95
    maps = fractions.reshape(64, 64, 3) - fractions.mean(axis=0)
    neighbours = (maps[:, 1:] * maps[:, :-1]).mean(axis=(0, 1)) / maps.var(axis=(0, 1))
    assert (np.abs(neighbours) < 0.06).all()
    assert (fractions.std(axis=0) > 0.05).all()


def test_the_couple_is_graded_everywhere_and_pure_nowhere():
    phantom = PHANTOMS["graded_couple"]()
    silver = (phantom.thickness_nm[:, 1] / phantom.thickness_nm.sum(axis=1)).reshape(50, 50)
    assert 0.11 < silver.min() < 0.13 and 0.87 < silver.max() < 0.89
    assert (np.diff(silver, axis=1) > 0).all() and np.diff(silver, axis=1).max() < 0.03


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("particles_on_film", {"film_nm": 0}, "film_nm must be a positive length"),
        (
            "absorbing_silicate",
            {"takeoff_deg": 0},
            "takeoff_deg of phantom 'absorbing_silicate' must lie between",
        ),
        ("partial_frame", {"ratio": 0}, "ratio must be positive"),
        ("partial_frame", {"rows": 61}, "rows from 0 to 60"),
        ("fine_eutectic", {"lamellae": 3}, "lamellae must be at least 5.6"),
        ("graded_couple", {"purest": 1}, "purest must lie between 0.5 and 1"),
    ],
)
def test_a_wrong_setting_is_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        PHANTOMS[name](**settings)

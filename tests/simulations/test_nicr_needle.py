"""The needle: its voxels, what tilting does to them, and the counts that follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import PHANTOMS
from simulations.nicr import COUNTS_PER_NM

nicr_needle = PHANTOMS["nicr_needle"]


@pytest.fixture(scope="module")
def needle():
    return nicr_needle()


@pytest.fixture(scope="module")
def turn():
    """Eight steps of 45 degrees, and the full turn."""
    return nicr_needle(9, step_deg=45)


def test_one_tilt_is_an_image_and_more_are_a_series(needle):
    assert (needle.navigation_shape, needle.energy_kev.size) == ((124, 165), 900)
    assert [axis.name for axis in needle.axes] == ["y", "x"]
    series = nicr_needle(3)
    assert series.navigation_shape == (3, 124, 165)
    assert [(axis.name, axis.units) for axis in series.axes] == [("tilt", "deg"), ("y", "nm"), ("x", "nm")]
    assert series.tilts_deg == (0, 5, 10)
    np.testing.assert_allclose(series.thickness_nm[: 124 * 165], needle.thickness_nm)


def test_73_tilts_are_the_full_turn_of_the_talk():
    series = nicr_needle(73)
    assert (*series.navigation_shape, series.energy_kev.size) == (73, 124, 165, 900)
    assert (series.tilts_deg[0], series.tilts_deg[-1]) == (0, 360)
    first, last = series.thickness_nm[: 124 * 165], series.thickness_nm[-124 * 165 :]
    np.testing.assert_allclose(first, last, atol=1e-6)


def test_the_centre_row_has_the_published_layers(needle):
    row = needle.volume[62, 60]
    runs = np.split(row, np.flatnonzero(np.diff(row)) + 1)
    assert [int(run[0]) for run in runs] == [1, 2, 3, 2, 3, 2, 3, 2, 0], (
        "Si, Cr and Ni in turn, a cap, vacuum"
    )
    np.testing.assert_allclose([len(run) for run in runs[:7]], [26, 14, 17, 13, 17, 15, 16], atol=1)


def test_layers_lean_by_six_pixels_over_the_needle(needle):
    rows = np.arange(35, 82)  # clear of the edges, where the outline ends the layer
    silicon = (needle.volume[62, rows] == 1).sum(axis=1)
    assert np.polyfit(rows, silicon, 1)[0] * 62 == pytest.approx(-6, abs=0.7)


def test_the_volume_holds_every_material_and_no_other(needle):
    assert needle.volume.shape == (124, 124, 165)
    assert needle.volume.dtype == np.uint8
    assert np.unique(needle.volume).tolist() == [0, 1, 2, 3]
    assert not needle.volume.flags.writeable


@pytest.mark.parametrize("tilts", [1, 9])
def test_photons_are_conserved_under_projection(tilts):
    series = nicr_needle(tilts, step_deg=45)
    voxels = [(series.volume == k + 1).sum() for k in range(3)]
    maps = series.thickness_nm.reshape(tilts, -1, 3).sum(axis=1)
    np.testing.assert_allclose(maps, np.broadcast_to(4.0 * np.array(voxels), maps.shape), rtol=1e-9)


def test_at_zero_tilt_thickness_is_the_voxels_of_each_column(needle):
    for k in range(3):
        columns = 4.0 * (needle.volume == k + 1).sum(axis=0)
        np.testing.assert_allclose(needle.thickness_nm[:, k].reshape(124, 165), columns, atol=1e-9)


def test_half_a_turn_mirrors_the_needle(turn):
    maps = turn.thickness_nm.reshape(9, 124, 165, 3)
    np.testing.assert_allclose(maps[4], maps[0, ::-1], atol=1e-9)


def test_layers_overlap_in_projection_where_their_lean_points_along_the_beam(turn):
    fractions = turn.truth.fractions.reshape(9, -1, 3).max(axis=2)
    thick = turn.thickness_nm.reshape(9, -1, 3).sum(axis=2) > 20
    mixed = [(fractions[tilt][thick[tilt]] < 0.98).mean() for tilt in (0, 2)]
    assert mixed[1] > 1.15 * mixed[0], "at 90 degrees the larger lean points along the beam"


def test_counts_are_thickness_times_brightness(needle):
    expected = needle.thickness_nm * COUNTS_PER_NM
    scale = needle.truth.abundances.sum() / expected.sum()
    np.testing.assert_allclose(needle.truth.abundances, scale * expected)


@settings(max_examples=10)
@given(st.integers(1, 4), st.floats(-90, 90))
def test_any_series_is_a_phantom_with_the_needle_inside_the_field(tilts, step):
    series = nicr_needle(tilts, step_deg=step, n_channels=9)
    assert series.truth.abundances.shape == (tilts * 124 * 165, 3)
    share = series.specimen.reshape(tilts, -1).mean(axis=1)
    assert ((share > 0.27) & (share < 0.32)).all()


@pytest.mark.parametrize("tilts", [0, -1, 1.5, True])
def test_no_tilts_is_one_sentence(tilts):
    with pytest.raises(ValueError, match="tilts must be a whole number from 1 on, got"):
        nicr_needle(tilts)


def test_an_endless_step_is_one_sentence():
    with pytest.raises(ValueError, match="step_deg must be a finite angle, got inf"):
        nicr_needle(2, step_deg=float("inf"))

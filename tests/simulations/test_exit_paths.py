"""Ways out of voxel models against geometry, and the absorption that follows from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.spectra import attenuation
from simulations import Phantom, acquire
from simulations.absorption import Absorption
from simulations.acquisition import Acquisition
from simulations.exit_paths import exit_paths
from simulations.nicr import MATERIALS
from simulations.projection import ray_sums


@settings(max_examples=12)
@given(st.floats(-180, 180), st.floats(0, 90))
def test_the_mean_way_out_of_a_cylinder_is_the_same_in_any_direction(tilt, takeoff):
    z, y = np.mgrid[:40, :40] - 19.5
    present = np.repeat((z**2 + y**2 < 15**2)[..., None], 2, axis=2)[..., None]
    emitted = ray_sums(present, tilt)[..., 0]
    mean = (exit_paths(present, tilt, takeoff)[..., 0, 0] * emitted).sum() / emitted.sum()
    # From a random point of a disc to its edge, along a fixed direction.
    assert mean == pytest.approx(8 / (3 * np.pi) * 15, rel=0.01)


@pytest.mark.parametrize(("tilt", "top", "bottom"), [(0, 1, 0), (180, 0, 1)])
def test_a_detector_above_sees_the_lower_layer_through_the_upper_one(tilt, top, bottom):
    present = np.zeros((30, 30, 1, 2), bool)
    present[10:14, 5:25, 0, 0] = True  # 4 voxels below
    present[14:20, 5:25, 0, 1] = True  # 6 voxels above, towards +z
    thickness = np.array([4, 6])
    middle = exit_paths(present, tilt, 90)[15, 0]
    assert middle[top, top] == pytest.approx(thickness[top] / 2)
    assert middle[bottom, bottom] == pytest.approx(thickness[bottom] / 2)
    assert middle[bottom, top] == pytest.approx(thickness[top])
    assert middle[top, bottom] == pytest.approx(0, abs=1e-6)


def test_a_detector_at_the_side_sees_the_near_pixels_best():
    present = np.zeros((30, 30, 1, 1), bool)
    present[10:20, 5:25] = True
    path = exit_paths(present, 0, 0)[5:25, 0, 0, 0]
    np.testing.assert_allclose(path, 20 - np.arange(20) - 0.5, atol=1e-5)
    np.testing.assert_allclose(exit_paths(present, 180, 0)[5:25, 0, 0, 0], path, atol=1e-4)


def test_tilting_towards_the_detector_is_a_higher_take_off():
    rng = np.random.default_rng(0)
    present = np.zeros((30, 30, 2, 1), bool)
    present[10:20, 8:22] = rng.random((10, 14, 2, 1)) < 0.8

    def mean(tilt, takeoff):
        emitted = ray_sums(present, tilt)[..., 0]
        return (exit_paths(present, tilt, takeoff)[..., 0, 0] * emitted).sum() / emitted.sum()

    assert mean(0, 50) == pytest.approx(mean(-30, 20), rel=1e-3)


def test_absorption_in_a_voxel_model_follows_its_ways_out():
    volume = np.zeros((20, 20, 3), np.uint8)
    volume[6:14, 6:14] = 1
    volume[6:14, 10:14] = 2
    energy = 1.0 + 0.1 * np.arange(80)
    present = volume[..., None] == np.arange(1, 3)
    thickness = 100.0 * np.stack([ray_sums(present, tilt) for tilt in (0, 90)])
    abundances = thickness.reshape(-1, 2)
    phantom = Phantom(
        "block",
        Factorization(
            np.full((2, 80), 1 / 80), abundances / abundances.sum(axis=1)[abundances.any(axis=1)].mean()
        ),
        energy,
        (2, 20, 3),
        ("Si", "Ni"),
        (Axis("tilt", 90, "deg"), Axis("y", 100, "nm"), Axis("x", 100, "nm")),
        volume=volume,
        tilts_deg=(0, 90),
        thickness_nm=abundances,
        materials=(MATERIALS[0], MATERIALS[2]),
    )
    absorption = Absorption.of(phantom, 30)
    # In the middle of the Si side at tilt 0, y = 8.5: 1 to 2 voxels of Si, 4 of Ni on the way to +y.
    si, ni = absorption.mass_path.reshape(2, 20, 3, 2, 2)[0, 8, 1, 0] / (1e-5 * np.array([2.33, 8.91]))
    assert 0.5 < si < 2 < ni < 4.7
    expected = 2 * (si * 2.33 * attenuation("Si", energy) + ni * 8.91 * attenuation("Ni", energy)) * 1e-5
    pixel = np.full(80, 8 * 3 + 1)
    np.testing.assert_allclose(
        absorption.survival(pixel, 0, np.arange(80)), -np.expm1(-expected) / expected, rtol=1e-5
    )
    trial = acquire(phantom, 2000, 0, Acquisition(takeoff_deg=30))
    seen = trial.image.total_map().ravel()[phantom.specimen]
    mean = trial.truth.abundances.sum(axis=1)[phantom.specimen]
    assert ((seen - mean) ** 2 / mean).mean() == pytest.approx(1, abs=5 * np.sqrt(2 / mean.size))
    assert trial.image.n_photons < 0.9 * 2000 * phantom.specimen.sum()

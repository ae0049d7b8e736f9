"""Ray sums conserve mass at any tilt, are exact where geometry is known, and turn about the middle of the field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simulations.projection import ray_sums

# Values inside a field whose half-diagonal they cannot leave: 6 voxels in 10.
volumes = hnp.arrays(float, (6, 6, 3), elements=st.floats(0, 10)).map(
    lambda inner: np.pad(inner, ((2, 2), (2, 2), (0, 0)))
)


@settings(max_examples=100)
@given(volumes, st.floats(-720, 720))
def test_mass_is_conserved_in_every_slice_across_the_axis(volume, tilt):
    np.testing.assert_allclose(
        ray_sums(volume, tilt).sum(axis=0), volume.sum(axis=(0, 1)), rtol=1e-9, atol=1e-9
    )


@settings(max_examples=50)
@given(volumes, st.floats(-180, 180))
def test_the_centre_of_mass_turns_about_the_middle(volume, tilt):
    mass = volume.sum()
    if mass < 1e-3:
        return
    z, y = (np.arange(10) - 4.5)[:, None, None], (np.arange(10) - 4.5)[:, None]
    centre_z, centre_y = (volume * z).sum() / mass, (volume * y).sum() / mass
    seen = (ray_sums(volume, tilt).sum(axis=1) * y.ravel()).sum() / mass
    turned = np.radians(tilt)
    # Within a row of pixels the mass goes to its middle, which shifts a single voxel by a few hundredths.
    assert seen == pytest.approx(centre_y * np.cos(turned) - centre_z * np.sin(turned), abs=0.05)


@settings(max_examples=50)
@given(volumes, volumes, st.floats(-180, 180), st.floats(0, 5))
def test_projection_is_linear(a, b, tilt, c):
    np.testing.assert_allclose(
        ray_sums(a + c * b, tilt), ray_sums(a, tilt) + c * ray_sums(b, tilt), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("quarter", range(5))
def test_quarter_turns_are_sums_along_an_axis(quarter):
    volume = np.random.default_rng(0).random((7, 7, 4))
    expected = [volume.sum(0), volume.sum(1)[::-1], volume.sum(0)[::-1], volume.sum(1), volume.sum(0)]
    np.testing.assert_allclose(ray_sums(volume, 90 * quarter), expected[quarter], atol=1e-9)


def test_one_voxel_casts_a_trapezoid():
    volume = np.zeros((9, 9, 1))
    volume[4, 4, 0] = 1
    # At 45 degrees a cube is a triangle sqrt(2) wide; what lies beyond half a pixel is (sqrt(2) - 1)^2 / 4 a side.
    beyond = (np.sqrt(2) / 2 - 0.5) ** 2
    np.testing.assert_allclose(ray_sums(volume, 45)[3:6, 0], [beyond, 1 - 2 * beyond, beyond], atol=1e-12)


@pytest.mark.parametrize("tilt", [0, 17, 45, 60, 90, 200])
def test_a_cylinder_looks_the_same_from_all_sides(tilt):
    z, y = np.indices((64, 64)) - 31.5
    radius = 24
    cylinder = ((z**2 + y**2) < radius**2)[..., None].astype(float)
    seen = ray_sums(cylinder, tilt)[:, 0]
    edges = np.clip(np.arange(65) - 32.0, -radius, radius)
    area = edges * np.sqrt(radius**2 - edges**2) + radius**2 * np.arcsin(edges / radius)
    np.testing.assert_allclose(
        seen, np.diff(area), atol=2.5
    )  # voxels are cubes: a staircase of one voxel a side
    assert np.abs(seen - np.diff(area)).mean() < 0.5


def test_further_axes_are_projected_one_by_one():
    volume = np.pad(np.random.default_rng(1).random((4, 4, 3, 2)), ((3, 3), (3, 3), (0, 0), (0, 0)))
    both = ray_sums(volume, 33)
    for k in range(2):
        np.testing.assert_allclose(both[..., k], ray_sums(volume[..., k], 33))


def test_a_shadow_outside_the_field_is_one_sentence():
    with pytest.raises(ValueError, match="must stay inside the field; leave more vacuum"):
        ray_sums(np.ones((8, 8, 1)), 45)


def test_a_flat_volume_is_one_sentence():
    with pytest.raises(
        ValueError, match=r"volume must have the axes z, y, x \(and more perhaps\), got shape"
    ):
        ray_sums(np.ones((8, 8)), 0)

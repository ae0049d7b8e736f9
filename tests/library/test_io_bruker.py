"""Bruker maps: detectors, bright pixels, sum spectra and damage, on files that the test writes."""

import numpy as np
import pytest

import bayesunmix as bu
from tests.library.bruker_files import write_bcf


@pytest.fixture
def counts():
    return np.random.default_rng(5).poisson(0.2, (5, 7, 300))


@pytest.mark.parametrize("packing", [0, 1, 2])
def test_every_packing_is_read(counts, tmp_path, packing):
    image = bu.read(write_bcf(tmp_path / "map.bcf", [counts], packing=packing), None)
    np.testing.assert_array_equal(image.dense(), counts)
    np.testing.assert_allclose(image.energy_kev[[0, -1]], [-0.47, -0.47 + 2.99])
    assert [axis.scale for axis in image.axes] == [2.0, 3.0]
    assert {axis.units for axis in image.axes} == {"µm"}


def test_small_blocks_give_the_same(counts, tmp_path, monkeypatch):
    from bayesunmix.io import bruker, dataset

    monkeypatch.setattr(bruker, "BLOCK_BYTES", 1)
    path = write_bcf(tmp_path / "map.bcf", [counts], packing=1)
    np.testing.assert_array_equal(dataset.image_of(bruker.read_bcf(path)).dense(), counts)


def test_detectors_are_added_up_and_it_is_said(counts, tmp_path, caplog):
    other = np.random.default_rng(6).poisson(0.1, counts.shape)
    image = bu.read(write_bcf(tmp_path / "map.bcf", [counts, other]), None)
    np.testing.assert_array_equal(image.dense(), counts + other)
    assert f"2 detectors: added up their counts, {counts.sum():,} + {other.sum():,}" in caplog.text


def test_detectors_with_other_energy_axes_keep_every_count(counts, tmp_path, caplog):
    other = np.zeros_like(counts)
    other[:, :, 100] = 1
    path = write_bcf(tmp_path / "map.bcf", [counts, other], axes=[(-0.47, 0.01), (-0.45, 0.01)])
    image = bu.read(path, None)
    assert image.n_channels == counts.shape[2] + 2
    np.testing.assert_array_equal(image.dense()[..., : counts.shape[2]] - counts, np.roll(other, 2, axis=2))
    assert "differ by up to 2 channels" in caplog.text


def test_a_detector_that_begins_earlier_and_has_more_channels(counts, tmp_path):
    other = np.random.default_rng(8).poisson(0.2, (5, 7, 400))
    path = write_bcf(tmp_path / "map.bcf", [counts, other], axes=[(-0.47, 0.01), (-0.67, 0.01)])
    image = bu.read(path, None)
    assert image.energy_kev[0] == pytest.approx(-0.67)
    expected = other.copy()
    expected[..., 20:320] += counts
    np.testing.assert_array_equal(image.dense(), expected)


@pytest.mark.parametrize("other", [(-0.47, 1e3), (1e9, 0.01), (np.nan, 0.01)])
def test_detectors_whose_axes_cannot_both_be_right_are_refused(counts, tmp_path, other):
    path = write_bcf(tmp_path / "map.bcf", [counts, counts], axes=[(-0.47, 0.01), other])
    with pytest.raises(ValueError, match=r"'map\.bcf'"):
        bu.read(path)


def test_the_sum_of_two_detectors_does_not_wrap(counts, tmp_path):
    counts[2, 2, 7] = 2**31 + 5
    path = write_bcf(tmp_path / "map.bcf", [counts, counts], packing=2)
    with pytest.raises(ValueError, match=r"one channel of one pixel has 4.29497e\+09 counts; at most"):
        bu.read(path, None)
    counts[2, 2, 7] = 2**31 - 5
    image = bu.read(write_bcf(path, [counts, counts], packing=2), None)
    np.testing.assert_array_equal(image.dense(), 2 * counts)


def test_maps_that_are_no_detectors_are_chosen_by_number(counts, tmp_path, caplog):
    other = counts[::-1].copy()
    path = write_bcf(tmp_path / "map.bcf", [counts, other], detectors=1)
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts)
    assert "holds 2 spectrum images" in caplog.text
    np.testing.assert_array_equal(bu.read(path, None, dataset=1).dense(), other)
    with pytest.raises(ValueError, match=r"dataset must be the number.*got 2"):
        bu.read(path, None, dataset=2)


def test_a_pixel_much_brighter_than_the_mean_does_not_wrap(counts, tmp_path):
    counts[2, 3, 40] = 70_000
    image = bu.read(write_bcf(tmp_path / "map.bcf", [counts], packing=2), None)
    np.testing.assert_array_equal(image.dense(), counts)


def test_missing_counts_are_told(counts, tmp_path, caplog):
    whole = counts.sum(axis=(0, 1))
    whole[50] += 1000
    image = bu.read(write_bcf(tmp_path / "map.bcf", [counts], sums=[whole]), None)
    assert image.n_photons == counts.sum()
    assert "1,000 are missing" in caplog.text


def test_impossible_pixels_are_refused(counts, tmp_path):
    path = write_bcf(tmp_path / "map.bcf", [counts], packing=1)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x2c\x01\x2c\x01")  # the channels of the first pixel, after its column
    content[at - 2] = 1  # column 65536
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"'map\.bcf' is damaged: it holds an impossible pixel in row 0; copy it"
    ):
        bu.read(path)

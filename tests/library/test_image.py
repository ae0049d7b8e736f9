"""The spectrum image: what it keeps, what it refuses, and what its operations conserve."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse, stats

from bayesunmix import Axis, SpectrumImage

shapes = hnp.array_shapes(min_dims=2, max_dims=4, max_side=5)
dense_counts = shapes.flatmap(lambda s: hnp.arrays(np.uint16, s, elements=st.integers(0, 300))).filter(np.any)
COUNTS = np.random.default_rng(0).poisson(2.0, (3, 4, 5))
ENERGY = 0.5 + np.arange(5)


def image_of(counts) -> SpectrumImage:
    return SpectrumImage(counts, 0.2 + 0.01 * np.arange(counts.shape[-1]))


@given(dense_counts, st.sampled_from([np.uint16, np.int64, np.float32, np.float64]))
def test_dense_and_sparse_round_trip(counts, dtype):
    image = image_of(counts.astype(dtype))
    assert image.shape == counts.shape
    assert image.counts.dtype == (np.uint8 if counts.max() < 256 else np.uint16)
    np.testing.assert_array_equal(image.dense(), counts)
    flat = counts.reshape(-1, counts.shape[-1]).astype(dtype)
    for layout in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array):
        again = SpectrumImage(layout(flat), image.energy_kev, counts.shape)
        np.testing.assert_array_equal(again.dense(), counts)


@given(dense_counts, st.integers(1, 30))
def test_sums_and_blocks_of_pixels_agree_with_the_dense_array(counts, block):
    image, counts = image_of(counts), counts.astype(int)
    navigation = tuple(range(counts.ndim - 1))
    np.testing.assert_array_equal(image.sum_spectrum(), counts.sum(axis=navigation))
    np.testing.assert_array_equal(image.total_map(), counts.sum(axis=-1))
    assert (image.n_photons, image.n_pixels) == (counts.sum(), math.prod(counts.shape[:-1]))
    parts = list(image.pixels(block))
    assert [rows.stop for rows, _ in parts] == [*range(block, image.n_pixels, block), image.n_pixels]
    np.testing.assert_array_equal(np.vstack([part for _, part in parts]), counts.reshape(image.n_pixels, -1))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8])
def test_events_given_one_by_one_are_added_up_without_overflow(dtype):
    events = sparse.coo_array((np.ones(300, dtype), (np.full(300, 1), np.full(300, 2))), shape=(4, 5))
    assert SpectrumImage(events, ENERGY).counts[1, 2] == 300


def test_sums_do_not_overflow_the_small_type_of_the_counts():
    image = image_of(np.full((7, 9, 11), 255))
    assert image.counts.dtype == np.uint8
    assert image.total_map().max() == 11 * 255
    assert image.rebin(9, energy=11).dense().item() == image.n_photons == 7 * 9 * 11 * 255


@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
def test_input_is_neither_modified_nor_aliased(make):
    flat = COUNTS.reshape(-1, 5)
    counts, energy = make(flat.astype(np.uint8)), ENERGY.copy()
    image = SpectrumImage(counts, energy, COUNTS.shape)
    for derived in (image, image.rebin(2, 2), image.crop(1, 3), *image.thin(0.5, np.random.default_rng(0))):
        derived.counts.data[:] = 99
        derived.energy_kev[:] = 99
    np.testing.assert_array_equal(counts if make is np.array else counts.toarray(), flat)
    np.testing.assert_array_equal(energy, ENERGY)
    image = SpectrumImage(counts, energy, COUNTS.shape)
    (counts if make is np.array else counts.data)[...] = 77
    energy[:] = 77
    np.testing.assert_array_equal(image.dense(), COUNTS)
    np.testing.assert_array_equal(image.energy_kev, ENERGY)


def test_sparse_input_keeps_its_stored_zeros_and_its_entries_given_twice():
    counts = sparse.csr_array((np.array([0, 3, 4]), np.array([1, 2, 2]), np.array([0, 3])), shape=(1, 5))
    image = SpectrumImage(counts, ENERGY)
    assert (image.counts.nnz, image.counts[0, 2]) == (1, 7)
    np.testing.assert_array_equal(counts.data, [0, 3, 4])
    np.testing.assert_array_equal(counts.indices, [1, 2, 2])
    canonical = sparse.csr_array((np.array([0, 3]), np.array([1, 2]), np.array([0, 2])), shape=(1, 5))
    SpectrumImage(canonical, ENERGY)
    assert canonical.nnz == 2


def altered(value) -> np.ndarray:
    counts = COUNTS.astype(np.result_type(COUNTS, value))
    counts[1, 2, 3] = value
    return counts


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (altered(-1), "must not be negative, got -1; pass the raw counts"),
        (altered(0.5), "whole numbers of photons, got fractions; pass the raw counts"),
        (altered(np.nan), "must be finite, got NaN or infinity; set bad pixels to 0"),
        (altered(np.inf), "must be finite, got NaN or infinity; set bad pixels to 0"),
        (altered(2**33), "one channel of one pixel has 8.58993e.09 counts; at most 4294967295"),
        (np.zeros((3, 4, 5), int), r"holds no counts \(all pixels are vacuum\); check the file"),
        (
            np.zeros((0, 4, 5), int),
            r"at least one pixel and one channel, got an empty image of shape \(0, 4, 5\)",
        ),
        (COUNTS[0, 0], r"2-D at least\), got 1-D; for one spectrum, pass spectrum\[None, :\]"),
        (sparse.coo_array(COUNTS), r"sparse counts must be 2-D \(pixels, channels\), got 3-D; give the nav"),
        (COUNTS[..., :4], r"one value per channel \(4\), got shape \(5,\); make it as long as"),
    ],
)
def test_bad_counts_get_one_sentence(counts, sentence):
    with pytest.raises(ValueError, match=sentence):
        SpectrumImage(counts, ENERGY)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_that_were_scaled_and_scaled_back_are_counts(dtype):
    """As HyperSpy leaves them after a decomposition with Poisson scaling."""
    counts = np.random.default_rng(0).poisson(1e4, COUNTS.shape)
    returned = np.nextafter(counts.astype(dtype), dtype(0))
    assert (returned != counts).any()
    np.testing.assert_array_equal(SpectrumImage(returned, ENERGY).dense(), counts)


@pytest.mark.parametrize("value", [-1, 0.5, np.nan, np.inf, 2**33])
def test_sparse_counts_are_checked_like_dense_ones(value):
    sentences = []
    for counts in (altered(value), sparse.csr_array(altered(value).reshape(-1, 5))):
        with pytest.raises(ValueError, match="count") as refused:
            SpectrumImage(counts, ENERGY)
        sentences.append(str(refused.value))
    assert sentences[0] == sentences[1]


@pytest.mark.parametrize("dtype", [complex, "U1", object, "m8[s]"])
def test_counts_that_are_no_numbers(dtype):
    with pytest.raises(TypeError, match="counts must be whole numbers of photons, got values of type"):
        SpectrumImage(COUNTS.astype(dtype), ENERGY)


def test_a_boolean_image_holds_single_photons():
    np.testing.assert_array_equal(SpectrumImage(COUNTS > 2, ENERGY).dense(), (COUNTS > 2).astype(int))


@pytest.mark.parametrize("shape", [(4, 4, 5), (12, 5, 1), (-3, -4, 5), (60,)])
def test_a_shape_that_does_not_fit(shape):
    with pytest.raises(
        ValueError, match="shape must be the navigation axes and then the 5 channels of counts"
    ):
        SpectrumImage(COUNTS, ENERGY, shape)


@pytest.mark.parametrize("energy", [ENERGY[::-1], np.zeros(5), [1, 2, np.nan, 4, 5], [1, 2, 3, 4, np.inf]])
def test_energy_must_increase(energy):
    with pytest.raises(ValueError, match="finite and strictly increasing; give channel centres in keV"):
        SpectrumImage(COUNTS, energy)


@pytest.mark.parametrize("energy", [ENERGY + 1j, None, list("abcde")])
def test_energy_must_be_numbers(energy):
    with pytest.raises(TypeError, match="energy_kev must be channel centres in keV, got values of type"):
        SpectrumImage(COUNTS, energy)


def test_axes_are_named_and_scaled_by_rebinning():
    assert [axis.name for axis in image_of(COUNTS[None]).axes] == ["axis_0", "y", "x"]
    image = SpectrumImage(COUNTS, ENERGY, axes=(Axis("y", 2.0, "nm"), ("x", 3.0, "nm")))
    # The offset is the centre of the first block.
    assert image.rebin((2, 3)).axes == (Axis("y", 4.0, "nm", 1.0), Axis("x", 9.0, "nm", 3.0))
    with pytest.raises(ValueError, match="name each of the 2 navigation axes, got 1"):
        SpectrumImage(COUNTS, ENERGY, axes=(Axis("y"),))


def test_crop_keeps_the_channels_of_a_half_open_range():
    cropped = SpectrumImage(COUNTS, ENERGY).crop(1.5, 3.5)
    np.testing.assert_array_equal(cropped.energy_kev, [1.5, 2.5])
    np.testing.assert_array_equal(cropped.dense(), COUNTS[..., 1:3])
    with pytest.raises(
        ValueError, match=r"no channel lies between 9 and inf keV: the axis runs from 0.500 to 4.500 keV"
    ):
        SpectrumImage(COUNTS, ENERGY).crop(9)


@given(dense_counts, st.data())
def test_rebin_adds_up_whole_blocks(counts, data):
    image = image_of(counts)
    steps = tuple(data.draw(st.integers(1, n + 1)) for n in image.navigation_shape)
    energy = data.draw(st.integers(1, counts.shape[-1] + 1))
    binned = image.rebin(steps, energy)
    expected = counts.astype(int)
    for axis, step in enumerate((*steps, energy)):
        expected = np.add.reduceat(expected, np.arange(0, counts.shape[axis], step), axis=axis)
    np.testing.assert_array_equal(binned.dense(), expected)
    totals = np.bincount(image.block_of_pixel(steps), weights=image.total_map().ravel())
    np.testing.assert_array_equal(totals, binned.total_map().ravel())
    channels = np.split(image.energy_kev, range(energy, counts.shape[-1], energy))
    np.testing.assert_allclose(binned.energy_kev, [part.mean() for part in channels])


@pytest.mark.parametrize("bad", [{"spatial": 0}, {"spatial": 1.5}, {"spatial": (1, 1, 1)}, {"spatial": True},
                                 {"energy": 0}, {"energy": 1.5}])  # fmt: skip
def test_rebin_wants_positive_whole_numbers(bad):
    ((name, value),) = bad.items()
    with pytest.raises(
        ValueError, match=rf"{name} must be .*positive whole number.*got {re.escape(str(value))}"
    ):
        SpectrumImage(COUNTS, ENERGY).rebin(**bad)


@given(dense_counts.filter(lambda c: c.sum() > 60), st.floats(0.2, 0.8), st.integers(0, 99))
def test_thinned_images_add_up(counts, keep, seed):
    image = image_of(counts)
    kept, rest = image.thin(keep, np.random.default_rng(seed))
    np.testing.assert_array_equal(kept.dense().astype(int) + rest.dense(), counts)
    again, _ = image.thin(keep, np.random.default_rng(seed))
    np.testing.assert_array_equal(again.dense(), kept.dense())


def test_thinning_is_binomial_and_leaves_independent_poisson_images():
    rng = np.random.default_rng(3)
    kept, rest = image_of(np.full((80, 100), 12)).thin(0.3, rng)
    seen = np.bincount(kept.dense().ravel(), minlength=13)
    expected = 8000 * stats.binom(12, 0.3).pmf(np.arange(13))
    assert stats.chisquare([*seen[:8], seen[8:].sum()], [*expected[:8], expected[8:].sum()]).pvalue > 1e-3
    kept, rest = image_of(rng.poisson(6.0, (80, 100))).thin(0.3, rng)
    assert abs(np.corrcoef(kept.dense().ravel(), rest.dense().ravel())[0, 1]) < 4 / np.sqrt(8000)


def test_thinning_refuses_what_it_cannot_split():
    for keep in (0, 1, -0.1, np.nan):
        with pytest.raises(ValueError, match=f"keep must lie between 0 and 1, got {keep}"):
            SpectrumImage(COUNTS, ENERGY).thin(keep, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"leave photons on both sides, and 1 in all with keep 0\.5 did not"):
        image_of(np.eye(1, 5, dtype=int)).thin(0.5, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["<u2", ">u2", ">i4", "f2", ">f2", "f4", ">f8", "longdouble", "bool"])
def test_counts_of_any_number_type_and_byte_order(kind):
    counts = np.random.default_rng(0).integers(0, 2, (3, 4, 5))
    image = SpectrumImage(counts.astype(kind), np.arange(1.0, 6))
    np.testing.assert_array_equal(image.dense(), counts)
    assert image.counts.dtype == np.uint8

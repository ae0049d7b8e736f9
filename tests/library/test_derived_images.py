"""Derived images are what validating them would make of them, and no fit validates an image again."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

import bayesunmix as bu
from bayesunmix.data import image as image_file
from bayesunmix.engine.device.events import occupied
from simulations import PHANTOMS, acquire

SHAPE = (4, 3, 6)
ENERGY = 0.5 + np.arange(SHAPE[-1])
counts_of_any_size = hnp.arrays(np.int64, SHAPE, elements=st.sampled_from([0, 0, 0, 1, 2, 255, 256, 70_000]))
masks = hnp.arrays(bool, SHAPE[:-1])


def masked(counts, mask):
    """The image, or None where nothing would be left of it."""
    if not mask.any() or not counts[mask].any():
        return None
    return bu.SpectrumImage(
        counts, ENERGY, axes=(bu.Axis("y", 2.0, "nm", 5.0), bu.Axis("x", 3.0, "nm")), mask=mask
    )


def require_valid(derived):
    """Compare with an image that is made, and validated, of the same parts."""
    parts = derived.counts.data.copy(), derived.counts.indices.copy(), derived.counts.indptr.copy()
    counts = sparse.csr_array(parts, shape=derived.counts.shape)
    fresh = bu.SpectrumImage(counts, derived.energy_kev.tolist(), derived.shape, derived.axes, derived.mask)
    for part in ("data", "indices", "indptr"):
        mine, theirs = getattr(derived.counts, part), getattr(fresh.counts, part)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    assert derived.energy_kev.dtype == np.float64
    np.testing.assert_array_equal(derived.energy_kev, fresh.energy_kev)
    assert (derived.shape, derived.axes) == (fresh.shape, fresh.axes)
    assert derived.counts.shape == fresh.counts.shape
    assert (derived.mask is None) == (fresh.mask is None)
    if derived.mask is not None:
        assert derived.mask.dtype == bool
        np.testing.assert_array_equal(derived.mask, fresh.mask)


@given(counts_of_any_size, masks, masks, st.data())
def test_derived_images_are_those_that_would_be_validated(counts, first, second, data):
    image = masked(counts, first)
    if image is None:
        return
    before = image.dense().copy()
    whole = before * first[..., None]
    low, high = sorted(data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5))))
    if whole[..., low : high + 1].any():
        require_valid(image.crop(low + 0.25, high + 0.75))
    steps = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    require_valid(image.rebin(steps, data.draw(st.integers(1, 7))))
    if (whole * second[..., None]).any():
        require_valid(image.within(second))
    if image.counts.nnz > 20:  # or one side may get no photon
        for part in image.thin(0.5, np.random.default_rng(data.draw(st.integers(0, 99)))):
            require_valid(part)
    require_valid(occupied(image).line(image))
    np.testing.assert_array_equal(image.dense(), before)


def test_blocks_of_one_leave_the_image_as_it_is():
    image = masked(np.ones(SHAPE, int), np.ones(SHAPE[:-1], bool))
    assert image.rebin(1, 1) is image and image.rebin((1, 1)) is image


def test_what_is_left_empty_or_grows_too_large_gets_the_sentence_of_a_new_image():
    counts = np.zeros(SHAPE, int)
    counts[0, 0, 0], counts[1, 1, 5] = 2**32 - 1, 1
    image = bu.SpectrumImage(counts, ENERGY)
    nothing = re.escape(
        "the image holds no counts (all pixels are vacuum); check the file, the channel range, the crop or the mask"
    )
    with pytest.raises(ValueError, match=nothing):
        image.crop(1, 4)
    far = np.zeros(SHAPE[:-1], bool)
    far[3, 2] = True
    with pytest.raises(ValueError, match=nothing):
        image.within(far)
    with pytest.raises(ValueError, match="it is False in all"):
        image.within(~far).within(far)
    with pytest.raises(
        ValueError, match=r"one channel of one pixel has 4.29497e\+09 counts; at most 4294967295 are"
    ):
        image.rebin(4, 6)


def test_a_fit_validates_no_image_again(monkeypatch):
    """Pooling, masks, simulated images and the search for the number of components included."""
    validated, photon_counts = [], image_file.photon_counts
    monkeypatch.setattr(
        image_file, "photon_counts", lambda *arguments: validated.append(1) or photon_counts(*arguments)
    )
    trial = acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0, n_channels=300), 20, 1)
    assert len(validated) == 1, "the one image there is"
    bu.unmix(trial.image, 3, "bayes", seed=4, n_warmup=40, n_draws=40, n_maps=40)
    assert len(validated) == 1

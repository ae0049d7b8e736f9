"""A pixel, or a channel of one, that holds so many counts that a fit describes it: found, named, nowhere imagined."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.dominance import ENTRY_SHARE, PIXEL_SHARE, dominated
from simulations import PHANTOMS, acquire
from tests.quick import film

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"


def with_counts(*places, share):
    """The film with further counts: that share of all of them, in places (y, x) or (y, x, channel)."""
    counts = film().image.dense().astype(np.int64)
    n = int(share / (1 - share) * counts.sum() / len(places))
    for place in places:
        if len(place) == 3:
            counts[place] += n
        else:
            counts[place] += np.random.default_rng(0).multinomial(n, np.ones(300) / 300)
    return bu.SpectrumImage(counts, film().image.energy_kev)


def worst_angle(image, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bu.UnmixingWarning)
        found = bu.unmix(image, 3, "nmf", **settings).estimate.endmembers
    truth = film().truth.endmembers
    order = bu.match(truth, found)
    return np.diagonal(bu.spectral_angles(truth, found[order])).max()


@pytest.mark.parametrize("share", [1.2 * PIXEL_SHARE, 0.5, 0.9, 0.999])
def test_a_bright_pixel_is_named_with_its_share(share):
    image = with_counts((7, 19), share=share)
    percent = 100 * image.total_map()[7, 19] / image.n_photons
    said = dominated(image)
    assert said.startswith("One pixel (y 7, x 19) holds ")
    assert (f"{percent:.1f} %" if percent < 99 else "more than 99.9 %") in said
    assert "mask[7, 19] = False" in said and said.count(". ") <= 1


@pytest.mark.parametrize("share", [1.2 * ENTRY_SHARE, 0.04, 0.5, 0.9999])
def test_a_bright_channel_is_named_with_its_energy(share):
    image = with_counts((7, 19, 150), share=share)
    said = dominated(image)
    at = f"channel 150, {image.energy_kev[150]:.2f} keV"
    assert said.startswith(f"One channel of one pixel (y 7, x 19; {at}) holds "), said


def test_a_handful_is_named_together():
    said = dominated(with_counts((7, 19), (3, 4), (20, 0), share=0.8))
    assert "3 pixels (y 3, x 4; y 7, x 19; y 20, x 0) hold" in said
    assert "mask[[3, 7, 20], [4, 19, 0]] = False" in said
    said = dominated(with_counts((7, 19, 150), (3, 4, 20), share=0.03))
    assert said.startswith("2 channels of pixels (y 3, x 4; channel 20")


@pytest.mark.parametrize("method", ["nmf", "pca", "fisher_conditional", "vendor_cluster"])
def test_every_method_warns_and_says_so_in_its_info(method):
    image = with_counts((7, 19), share=0.9)
    with pytest.warns(bu.UnmixingWarning, match=r"One pixel \(y 7, x 19\) holds") as said:
        result = bu.unmix(image, 3, method, verdicts=False)
    assert result.info["warnings"][0] == dominated(image)
    assert sum("One pixel" in str(warning.message) for warning in said) == 1


def test_what_the_warning_says_mends_the_fit():
    image = with_counts((7, 19), share=0.9)
    assert worst_angle(image) > 45, "the fit that the warning is for"
    mask = np.ones((24, 32), bool)
    mask[7, 19] = False
    masked = image.within(mask)
    assert dominated(masked) == ""
    assert worst_angle(masked) < 10


def test_below_the_share_the_fit_is_what_it_was():
    """The limits are where a fit turns: just below them it does not."""
    clean = worst_angle(film().image)
    assert worst_angle(with_counts((7, 19), share=0.8 * PIXEL_SHARE)) < clean + 3
    assert worst_angle(with_counts((7, 19, 150), share=0.8 * ENTRY_SHARE)) < clean + 3
    assert worst_angle(with_counts((7, 19), share=6 * PIXEL_SHARE)) > clean + 3
    assert worst_angle(with_counts((7, 19, 150), share=6 * ENTRY_SHARE)) > clean + 3


@pytest.mark.parametrize("name", list(PHANTOMS))
@pytest.mark.parametrize("dose", [0.2, 20])
def test_no_phantom_is_dominated(name, dose):
    assert dominated(acquire(PHANTOMS[name](), dose, 0).image) == ""


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 4), (4, 4), (5,), (1, 19)])
def test_a_tiny_image_is_not_dominated(shape):
    """Of few pixels one may well hold most counts."""
    counts = np.random.default_rng(0).poisson(3, (*shape, 30))
    counts.reshape(-1, 30)[0] *= 1000
    assert dominated(bu.SpectrumImage(counts, np.arange(1.0, 31.0))) == ""


@pytest.mark.parametrize("shape", [(2, 2), (3, 4), (4, 4), (15,), (19,)])
def test_one_channel_with_nearly_all_counts_is_named_in_a_tiny_image_too(shape):
    counts = np.random.default_rng(0).poisson(3, (*shape, 30))
    counts.reshape(-1, 30)[1, 7] = 10**8
    said = dominated(bu.SpectrumImage(counts, np.arange(1.0, 31.0)))
    assert "One channel of one pixel" in said and "channel 7, 8.00 keV" in said


def test_a_mask_that_is_there_is_kept_by_the_advice():
    image = with_counts((7, 19), share=0.5).within(np.arange(24 * 32).reshape(24, 32) > 5)
    assert "mask = image.mask.copy(); mask[7, 19] = False" in dominated(image)


def test_chance_alone_dominates_nothing():
    rng = np.random.default_rng(0)
    for mean in (0.002, 0.02, 0.3):
        counts = rng.poisson(mean, (40, 10, 10, 20))
        for one in counts:
            one[0, 0, 0] += 1
            assert dominated(bu.SpectrumImage(one, np.arange(1.0, 21.0))) == ""


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files (../shared/data) are not on this machine")
def test_no_real_file_is_dominated():
    for path in sorted(REAL.iterdir()):
        if path.suffix in (".bcf", ".emd", ".hspy", ".pts") and path.stat().st_size < 1_100_000:
            image = bu.read(path, None)
            assert dominated(image) == dominated(image.crop(0.2)) == "", path.name

"""Masks: what they hide is gone from sums, files, maps, regions and pictures; and images that are mostly vacuum.

What every method must do with a mask is in tests/contracts/test_masks.py.
"""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import bayesunmix as bu
from bayesunmix.analysis.phase_maps import NONE
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS, weighs
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.chains import checkpoint
from bayesunmix.engine.sampling.maps import draw_maps
from bayesunmix.engine.sampling.recalibration import simulated_image
from bayesunmix.engine.subspace.pca import principal_components
from bayesunmix.io import h5
from bayesunmix.io.dataset import Refused, to_image
from bayesunmix.io.mask import read_mask
from bayesunmix.io.results import write_results
from bayesunmix.methods._resampling import redraw
from bayesunmix.plotting import plot_maps
from simulations.phantom import PHANTOMS
from simulations.trial import acquire
from tests.quick import N_COMPONENTS, SETTINGS, film

ENERGY = 1.0 + np.arange(6)


def random_image(seed, shape):
    """Counts, a mask that hides two fifths of the pixels, and the image of both."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3.0, (*shape, ENERGY.size))
    mask = (rng.permutation(counts[..., 0].size) % 5 < 3).reshape(shape)
    return counts, mask, bu.SpectrumImage(counts, ENERGY, mask=mask)


@given(st.integers(0, 10**6), st.sampled_from([(7,), (4, 5), (2, 3, 4), (1, 9)]), st.integers(1, 3))
def test_every_sum_is_that_of_the_pixels_that_take_part(seed, shape, block):
    counts, mask, image = random_image(seed, shape)
    kept = counts * mask[..., None]
    np.testing.assert_array_equal(image.dense(), kept)
    np.testing.assert_array_equal(image.sum_spectrum(), kept.reshape(-1, ENERGY.size).sum(axis=0))
    np.testing.assert_array_equal(image.takes_part, mask.ravel())
    assert image.n_photons == kept.sum() and image.n_pixels == mask.size
    pooled = image.rebin(block)
    taking_part = np.zeros(pooled.n_pixels, bool)
    for pixel, of_block in enumerate(image.block_of_pixel(block)):
        taking_part[of_block] |= mask.ravel()[pixel]
    np.testing.assert_array_equal(pooled.takes_part, taking_part)
    assert pooled.n_photons == kept.sum()
    for derived in (image.crop(2, 5), *image.thin(0.5, np.random.default_rng(0))):
        np.testing.assert_array_equal(derived.takes_part, mask.ravel())


@pytest.mark.parametrize("make", [np.array, lambda values: sparse.coo_array(values.reshape(-1, ENERGY.size))])
def test_what_is_hidden_need_not_be_counts(make):
    counts, mask, image = random_image(0, (4, 5))
    garbage = counts.astype(np.float32)
    garbage[~mask] = [np.nan, -3, 1e30, 0.5, np.inf, 0]
    hidden = bu.SpectrumImage(make(garbage), ENERGY, (4, 5, 6), mask=mask)
    for part in ("data", "indices", "indptr"):
        one, other = getattr(hidden.counts, part), getattr(image.counts, part)
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()
    with pytest.raises(ValueError, match="finite"):
        bu.SpectrumImage(make(garbage), ENERGY, (4, 5, 6))


def test_masks_are_said_narrowed_and_forgotten_where_they_hide_nothing():
    counts, mask, image = random_image(1, (4, 5))
    assert f"counts in {mask.sum()} of 20 pixels" in repr(image)
    whole = bu.SpectrumImage(counts, ENERGY, mask=np.ones((4, 5), bool))
    assert whole.mask is None and "pixels" not in repr(whole) and whole.takes_part.all()
    np.testing.assert_array_equal(whole.within(mask).dense(), image.dense())
    other = np.arange(20).reshape(4, 5) % 2 == 0
    np.testing.assert_array_equal(image.within(other).mask, mask & other)
    np.testing.assert_array_equal(image.within(np.ones((4, 5), bool)).mask, mask)
    given = mask.copy()
    image = bu.SpectrumImage(counts, ENERGY, mask=given)
    given[:] = False
    np.testing.assert_array_equal(image.mask, mask)


def test_a_wrong_mask_is_one_sentence():
    counts, mask, image = random_image(2, (4, 5))
    for wrong in (mask.T, mask.astype(int), mask.ravel()):
        with pytest.raises(ValueError, match=r"mask must be bool of shape \(4, 5\), got"):
            bu.SpectrumImage(counts, ENERGY, mask=wrong)
        with pytest.raises(ValueError, match="mark the pixels to use by True"):
            image.within(wrong)
    with pytest.raises(ValueError, match="pass mask=~navigation_mask"):
        bu.SpectrumImage(counts, ENERGY, mask=np.zeros((4, 5), bool))
    with pytest.raises(ValueError, match=r"no counts .*the crop or the mask"):
        bu.SpectrumImage(image.counts, ENERGY, image.shape, mask=~mask)


def test_files_keep_the_mask(tmp_path):
    counts, mask, image = random_image(3, (4, 5))
    bu.write(image, tmp_path / "map.npz")
    np.testing.assert_array_equal(bu.read(tmp_path / "map.npz").mask, mask)
    with io.BytesIO() as file:
        rows = iter([sparse.csr_array(counts.reshape(20, -1))])
        h5.write_blocks(file, rows, ENERGY, (4, 5), image.axes, mask)
        (tmp_path / "map.h5").write_bytes(file.getvalue())
    loaded = bu.read(tmp_path / "map.h5")
    np.testing.assert_array_equal(loaded.mask, mask)
    np.testing.assert_array_equal(loaded.dense(), image.dense())
    np.testing.assert_array_equal(h5.load(tmp_path / "map.h5", slice(1, 3)).mask, mask[1:3])
    result = bu.unmix(image, 2, "nmf")
    bu.save_result(result, tmp_path / "result.nc")
    np.testing.assert_array_equal(bu.load_result(tmp_path / "result.nc").grid.mask, mask)
    write_results(tmp_path, image, result, {})
    with np.load(tmp_path / "abundances.npz") as arrays:
        np.testing.assert_array_equal(arrays["mask"], mask)


def test_a_signal_is_masked_before_it_is_read(monkeypatch):
    counts, mask, image = random_image(4, (4, 5))
    garbage = np.where(mask[..., None], counts, 0.5)
    monkeypatch.setattr("bayesunmix.io.dataset.BLOCK_BYTES", 300)
    energy = {"name": "Energy", "units": "keV", "axis": ENERGY, "navigate": False}
    axes = [{"name": name, "units": "", "scale": 1.0} for name in "yx"]
    first = to_image("it", np.moveaxis(garbage, 2, 0), [energy, *axes], mask)
    np.testing.assert_array_equal(first.dense(), image.dense())
    np.testing.assert_array_equal(first.mask, mask)
    with pytest.raises(Refused, match=r"does not fit it.* shape \(4, 5\), got .* \(5, 4\)"):
        to_image("it", garbage, [*axes, energy], mask.T)


def test_new_counts_keep_the_mask_and_checkpoints_know_it(tmp_path):
    _, mask, image = random_image(5, (4, 5))
    rng = np.random.default_rng(0)
    everywhere = bu.Factorization(np.full((2, 6), 1 / 6), np.full((20, 2), 9.0))
    for again in (
        *(redraw(image, everywhere, kind, rng) for kind in ("parametric", "poisson")),
        simulated_image(image.grid, everywhere.endmembers, everywhere.abundances, rng),
    ):
        np.testing.assert_array_equal(again.mask, mask)
        assert not again.dense()[~mask].any()
    vacuum = bu.SpectrumImage(image.counts, ENERGY, image.shape)
    key = random_key(0)
    one, other = (checkpoint(str(tmp_path / "run"), i, None, key).identity for i in (image, vacuum))
    assert one != other


@pytest.mark.parametrize("prior", list(ABUNDANCE_PRIORS))
def test_maps_of_a_masked_image_are_those_of_the_image_cut_out(prior):
    """The same distribution; over 768 pixels, means and spreads agree within their own scatter."""
    trial, cut = film(), film().image  # and beside it columns under a mask, as in contracts/test_masks.py
    wide = np.pad(cut.dense(), ((0, 0), (0, 8), (0, 0)), constant_values=3)
    left = np.arange(wide.shape[1]) < np.full((len(wide), 1), cut.shape[1])
    found = []
    for image in (bu.SpectrumImage(wide, cut.energy_kev, mask=left), cut):
        endmembers = np.broadcast_to(trial.truth.endmembers, (2, 1, *trial.truth.endmembers.shape))
        starts = [np.ones((image.n_pixels, 3))] * 2
        maps = draw_maps(
            image,
            endmembers,
            starts,
            prior=ABUNDANCE_PRIORS[prior](),
            key=random_key(1),
            n_maps=200,
            sweeps_per_map=2,
            most_mib=1e3,
        )
        assert not maps.draws[:, :, ~image.takes_part].any()
        found.append((maps.mean[image.takes_part], maps.sd[image.takes_part]))
    (mean, sd), (mean_cut, sd_cut) = found
    # Under a prior with exact zeros, most pixels hardly ever contain a component: a few draws of 400.
    seldom = 0.002 * mean_cut.sum(axis=1).mean() if weighs(ABUNDANCE_PRIORS[prior]()) else 0
    assert (np.abs(mean - mean_cut) <= 0.4 * sd_cut + seldom).mean() > 0.97
    np.testing.assert_allclose(mean.sum(axis=0), mean_cut.sum(axis=0), rtol=0.01)
    np.testing.assert_allclose(sd.mean(axis=0), sd_cut.mean(axis=0), rtol=0.06)


def test_pca_is_centred_on_what_takes_part():
    counts, _, _ = random_image(6, (6, 8))
    left = np.arange(8) < np.full((6, 1), 4)
    for scaling in ("poisson", "none"):
        masked = principal_components(bu.SpectrumImage(counts, ENERGY, mask=left), 3, scaling, centred=True)
        cut = principal_components(bu.SpectrumImage(counts[:, :4], ENERGY), 3, scaling, centred=True)
        np.testing.assert_allclose(masked.explained_variance_ratio, cut.explained_variance_ratio, rtol=1e-6)
        assert not masked.abundances[~left.ravel()].any()


def test_ica_of_maps_knows_no_step_into_the_mask():
    image = acquire(PHANTOMS["nicr_film"](shape=(12, 32), pixel_nm=12.0, n_channels=100), 200, 0).image
    left = np.zeros((12, 32), bool)
    left[:, 10:26] = True
    cut = bu.SpectrumImage(image.dense()[:, 10:26], image.energy_kev)
    one, other = (bu.unmix(i, 3, "ica", on="abundances", derivative=True) for i in (image.within(left), cut))
    np.testing.assert_allclose(one.estimate.endmembers, other.estimate.endmembers, atol=1e-6)


@pytest.fixture(scope="module")
def oval():
    """The film without its corners, unmixed."""
    y, x = np.indices((24, 32)) - np.array([11.5, 15.5]).reshape(2, 1, 1)
    image = film().image.within((y / 12) ** 2 + (x / 16) ** 2 < 1.44)
    return film(), image, bu.unmix(image, N_COMPONENTS, "bayes_gibbs", **SETTINGS["bayes_gibbs"])


def test_shares_are_of_the_counts_of_pixels_that_take_part(oval):
    _, image, result = oval
    identified = bu.identify(result, image, n_steps=10)
    whole = bu.region(result, image, np.ones((24, 32), bool), identified=identified)
    inside = bu.region(result, image, image.mask, identified=identified)
    assert (whole.n_pixels, whole.n_counts) == (image.mask.sum(), image.n_photons)
    assert whole.table() == inside.table()
    assert sum(content.amount.mean for content in whole.components) == pytest.approx(
        image.n_photons, rel=0.01
    )
    fractions = bu.phase_fractions(result, image, identified=identified)
    assert sum(area.mean for area in fractions.areas.values()) == pytest.approx(1)
    assert fractions.counts_per_pixel == pytest.approx(image.n_photons / image.mask.sum(), rel=0.1)
    everywhere = bu.phase_fractions(result, image, identified=identified, specimen=np.ones((24, 32), bool))
    assert everywhere.counts_per_pixel == image.n_photons / image.mask.sum()
    ranges = (identified.fractions_of(mask) for mask in (image.mask, np.ones((24, 32), bool)))
    np.testing.assert_array_equal(*ranges)
    outside = ~image.mask.ravel()
    assert not identified.fractions.lower[outside].any() and identified.fractions.upper[outside].all()
    with pytest.raises(ValueError, match="inside the image's mask, and all of it lies outside"):
        bu.region(result, image, ~image.mask, identified=identified)


def test_a_phase_map_gives_masked_pixels_no_phase(oval):
    _, image, result = oval
    for specimen in (None, np.ones((24, 32), bool)):
        found = bu.phase_map(result, image, specimen=specimen)
        assert (found.labels[~image.mask] == NONE).all()
        np.testing.assert_allclose(found.probability[~image.mask], 1 / 3)
    assert (found.labels[image.mask] != NONE).all()


def test_a_small_part_of_a_large_image_is_still_specimen():
    """A tenth of all pixels take part: what is bright is told by these alone."""
    rng = np.random.default_rng(0)
    mask = np.zeros((30, 30), bool)
    mask[:9, :9] = True
    draws = np.where(mask.reshape(-1, 1), rng.gamma(50.0, 1.0, (2, 10, 900, 2)), 0)
    draws[:, :, np.isin(np.arange(900) % 30, (4, 5, 6))] = 0.01  # of these columns the middle one is vacuum
    spectra = np.broadcast_to(np.full((2, 6), 1 / 6), (2, 10, 2, 6))
    image = bu.SpectrumImage(np.ones((30, 30, 6), int), np.arange(1.0, 7), mask=mask)
    estimate = bu.Factorization(spectra[0, 0], draws.mean((0, 1)))
    found = bu.phase_map(bu.Unmixing(estimate, bu.Posterior(spectra, draws)), image)
    expected = mask.copy()
    expected[:, 5] = False
    np.testing.assert_array_equal(found.labels != NONE, expected)


def test_checks_know_no_masked_pixel(oval):
    trial, image, _ = oval
    share = np.outer(image.total_map().ravel(), np.full(3, 1 / 3))
    found = bu.check(bu.Unmixing(bu.Factorization(trial.truth.endmembers, share)), image)
    assert not found.alarm
    assert (found.region_of_pixel[~image.mask] == -1).all() and (found.region_of_pixel[image.mask] >= 0).any()
    assert found.counts.sum() == pytest.approx(image.n_photons, rel=0.01)


@pytest.mark.usefixtures("without_relevance")
def test_the_rank_is_that_of_what_takes_part():
    """Two phases in the mask, a third beside it."""
    rng = np.random.default_rng(3)
    spectra = rng.dirichlet(np.full(40, 0.3), 3)
    phase = np.zeros((24, 24), int)
    phase[:, 8:16], phase[:, 16:] = 1, 2
    image = bu.SpectrumImage(rng.poisson(60 * spectra[phase]), 1 + 0.1 * np.arange(40))
    assert bu.rank(image, most=5).n_components == 3
    assert bu.rank(image.within(phase < 2), most=5).n_components == 2


def test_net_counts_have_no_error_where_nothing_was_asked(oval):
    _, image, _ = oval
    maps = bu.net_counts(bu.unmix(image, method="elements", elements=("Ni", "Cr", "Si")), image)
    assert not maps["Ni_K"].sd[~image.mask].any() and maps["Ni_K"].sd[image.mask].all()
    assert not maps["Ni_K"].counts[~image.mask].any()


def test_masked_pixels_are_drawn_blank(oval, tmp_path):
    _, image, result = oval
    figure = plot_maps(result, image)
    for axes in (axes for axes in figure.axes if axes.images):
        drawn = np.ma.filled(axes.images[0].get_array(), np.nan)
        np.testing.assert_array_equal(np.isnan(drawn), ~image.mask)
    figure.savefig(tmp_path / "maps.png")
    line = bu.SpectrumImage(image.dense()[0], image.energy_kev, mask=image.mask[0])
    curve = plot_maps(bu.unmix(line, 2, "nmf"), line).axes[0].lines[0]
    np.testing.assert_array_equal(np.isnan(curve.get_ydata()), ~image.mask[0])
    hidden = bu.SpectrumImage(np.ones((3, 4, 5, 6), int), ENERGY, mask=np.arange(60).reshape(3, 4, 5) < 20)
    plot_maps(bu.unmix(hidden, 1, "nmf"), hidden).savefig(tmp_path / "nothing.png")  # of the central slice


@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize("shape", [(120,), (1, 110), (3, 6, 8)])
def test_bayes_of_any_shape_that_is_mostly_vacuum(shape):
    """Three quarters of the pixels are empty, a few more are masked, and the needle between has two phases."""
    rng = np.random.default_rng(0)
    along = np.indices(shape)[-1] / shape[-1]
    needle = (along > 0.4) & (along < 0.65)
    spectra = np.array([[5, 2, 1, 0.2, 0.1, 0.1], [0.1, 0.1, 0.3, 1, 2, 5]])
    truth = np.where(needle[..., None], 20 * np.stack([along < 0.5, along >= 0.5], axis=-1), 0)
    counts = rng.poisson(truth @ (spectra / spectra.sum(axis=1, keepdims=True)))
    mask = along < 0.85
    image = bu.SpectrumImage(counts, ENERGY, mask=mask)
    assert image.mask is not None and (image.total_map() == 0).mean() > 0.7
    result = bu.unmix(image, 2, "bayes", n_warmup=20, n_draws=20, n_maps=20)
    posterior = result.posterior
    assert np.isfinite(posterior.abundances).all() and np.isfinite(posterior.sd().abundances).all()
    total = result.estimate.abundances.sum(axis=1).reshape(shape)
    assert total[needle].sum() == pytest.approx(image.n_photons, rel=0.15)
    assert total[mask & ~needle].mean() < 0.1 * total[needle].mean()
    assert not total[~mask].any()
    fractions = result.info["fractions"].values()
    assert all(0 <= share["lower"] <= share["mean"] <= share["upper"] <= 1 for share in fractions)


@pytest.mark.parametrize(
    "header", ["{'descr': '|b1', 'fortran_order': False, 'shape': (6, 7\xbd, }", "{'shape': (1, b'x')}"]
)
def test_a_mask_file_with_a_damaged_header_is_refused(tmp_path, header):
    text = header.encode("latin-1").ljust(118) + b"\n"
    (tmp_path / "mask.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(42)
    )
    with pytest.raises(ValueError, match=r"'mask\.npy' must be a \.npy file of a bool array"):
        read_mask(tmp_path / "mask.npy")
    with pytest.raises(ValueError, match="is a folder; name the"):
        read_mask(tmp_path)

"""Element maps are made from counts in many ways, and the recipe must come out exactly, or not at all."""

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import bayesunmix as bu
from bayesunmix.validation.placement.orientation import Orientation, orientations
from bayesunmix.validation.recipes.recipe import recover_recipes

CLAIMS = Path(__file__).parents[4] / "shared/data/claims"
ENERGY = 0.1 + 0.02 * np.arange(400)


@pytest.fixture(scope="module")
def image() -> bu.SpectrumImage:
    rng = np.random.default_rng(3)
    rows, columns = np.indices((24, 32))
    fe = np.exp(-(((ENERGY - 6.4) / 0.07) ** 2))
    o = np.exp(-(((ENERGY - 0.525) / 0.05) ** 2))
    expected = 1.5 * (rows > 9)[..., None] * fe + 2.0 * (columns > rows)[..., None] * o + 0.01
    return bu.SpectrumImage(rng.poisson(expected), energy_kev=ENERGY)


def window(image: bu.SpectrumImage, first: int, last: int) -> np.ndarray:
    return image.dense()[:, :, first : last + 1].sum(axis=2).astype(float)


FIRST, LAST = 306, 322  # about Fe K-alpha
KEV = ENERGY[FIRST], ENERGY[LAST]


def one(image: bu.SpectrumImage, claimed: np.ndarray, title: str = "Fe K"):
    return recover_recipes(image, {title: claimed})[title]


def require_window(recipe, image: bu.SpectrumImage) -> None:
    """The window may differ by channels without counts."""
    assert recipe.exact, recipe.says
    assert recipe.first_kev[0] - 1e-9 <= KEV[0] <= recipe.first_kev[1] + 1e-9
    assert recipe.last_kev[0] - 1e-9 <= KEV[1] <= recipe.last_kev[1] + 1e-9


@pytest.mark.parametrize("title", ["Fe K", "Fe", "a map", "Mg_Ka"])
def test_raw_window_is_found_whatever_its_title(image, title):
    recipe = one(image, window(image, FIRST, LAST), title)
    require_window(recipe, image)
    assert (recipe.factor, recipe.mean, recipe.difference) == (1, 1, 0)
    assert (
        recipe.says
        == f"the raw counts of {recipe.window_kev[0]:.3f} to {recipe.window_kev[1]:.3f} keV, no background removed"
    )


@pytest.mark.parametrize("seed", range(5))
def test_any_window_of_any_width(image, seed):
    first, last = np.sort(np.random.default_rng(seed).choice(400, 2, replace=False))
    recipe = one(image, window(image, first, last), "Zr L")
    assert recipe.exact
    assert recipe.first_kev[0] - 1e-9 <= ENERGY[first] <= recipe.first_kev[1] + 1e-9
    assert recipe.last_kev[0] - 1e-9 <= ENERGY[last] <= recipe.last_kev[1] + 1e-9


@pytest.mark.parametrize("factor", [0.0123, 3.0, 7.25e4])
def test_counts_per_second_as_single_precision(image, factor):
    recipe = one(image, (factor * window(image, FIRST, LAST)).astype(np.float32))
    require_window(recipe, image)
    assert recipe.factor == pytest.approx(factor, rel=1e-5)


@pytest.mark.parametrize("how", ["rounded", "cut off"])
def test_eight_bits(image, how):
    counts = window(image, FIRST, LAST)
    scaled = counts / counts.max() * 255
    recipe = one(image, np.round(scaled) if how == "rounded" else np.floor(scaled))
    require_window(recipe, image)
    assert recipe.factor == pytest.approx(255 / counts.max(), rel=0.05)


def test_eight_bits_from_the_darkest_pixel(image):
    above = bu.SpectrumImage(image.dense() + (np.arange(400) % 40 == 0), energy_kev=ENERGY)
    counts = window(above, 0, 399)
    scaled = np.round((counts - counts.min()) / np.ptp(counts) * 255)
    recipe = one(above, scaled)
    assert recipe.exact
    assert recipe.darkest == counts.min() > 0


@pytest.mark.parametrize("mean", [3, 5])
@pytest.mark.parametrize("edges", ["reflect", "nearest", "mirror", "wrap", "constant"])
def test_mean_over_neighbours_by_any_rule_for_the_edges(image, mean, edges):
    averaged = ndimage.uniform_filter(window(image, FIRST, LAST), mean, mode=edges).astype(np.float32)
    recipe = one(image, averaged)
    require_window(recipe, image)
    assert recipe.mean == mean
    assert recipe.edges == edges or (mean == 3 and {recipe.edges, edges} == {"reflect", "nearest"})


@pytest.mark.parametrize("binning", [2, 3])
def test_binned(image, binning):
    recipe = one(image, window(image.rebin(spatial=binning), FIRST, LAST))
    require_window(recipe, image)
    assert recipe.binning == binning


def test_enlarged(image):
    recipe = one(image, window(image, FIRST, LAST).repeat(4, axis=0).repeat(4, axis=1))
    require_window(recipe, image)
    assert recipe.enlarged == 4


@pytest.mark.parametrize(
    "turned", [*orientations((24, 32), (24, 32)), Orientation(False, 1), Orientation(True, 3)]
)
def test_turned(image, turned):
    claimed = turned.undo(window(image, FIRST, LAST))
    recipe = one(image, claimed)
    require_window(recipe, image)
    assert recipe.orientation == turned
    np.testing.assert_array_equal(recipe.orientation.apply(claimed), window(image, FIRST, LAST))


@pytest.mark.parametrize("offset", [(0, 0), (3, 5), (8, 1)])
@pytest.mark.parametrize("title", ["Fe K", "no name"])
def test_cut(image, offset, title):
    part = window(image, FIRST, LAST)[offset[0] : offset[0] + 16, offset[1] : offset[1] + 20]
    recipe = one(image, part, title)
    require_window(recipe, image)
    assert recipe.offset == offset


@pytest.mark.parametrize("before", [True, False])
def test_cut_and_averaged(image, before):
    counts = window(image, FIRST, LAST)
    part = np.s_[2:22, 3:27]
    claimed = ndimage.uniform_filter(counts[part], 3) if before else ndimage.uniform_filter(counts, 3)[part]
    recipe = one(image, claimed.astype(np.float32))
    require_window(recipe, image)
    assert (recipe.offset, recipe.mean) == ((2, 3), 3)


def test_masked_pixels_are_not_compared(image):
    mask = np.ones((24, 32), bool)
    mask[4:9, 7:20] = False
    recipe = one(image.within(mask), window(image, FIRST, LAST))
    require_window(recipe, image)


def test_map_with_background_removed_is_not_exact_and_names_the_nearest_window(image):
    counts = window(image, FIRST, LAST) - window(image, FIRST - 40, FIRST - 24)
    recipe = one(image, counts)
    assert not recipe.exact
    assert recipe.says.startswith("not a plain window of the counts")
    assert recipe.correlation > 0.9
    assert recipe.window_kev[0] < 6.4 < recipe.window_kev[1]


def test_one_changed_pixel_is_enough_to_be_not_exact(image):
    counts = window(image, FIRST, LAST)
    counts[5, 5] += 1
    assert not one(image, counts).exact


def test_other_counts_are_not_exact(image):
    again = np.random.default_rng(9).poisson(image.dense().mean() * np.ones((24, 32)) * 17)
    assert not one(image, again).exact


@pytest.mark.parametrize("shape", [(16, 20), (23, 37), (100, 3)])
def test_unrelated_size_is_said_and_nothing_is_resampled(image, shape):
    recipe = one(image, np.random.default_rng(0).poisson(2.0, shape).astype(float))
    assert not recipe.exact
    assert recipe.window_kev is None
    assert f"{shape[0]} x {shape[1]}" in recipe.says
    assert "24 x 32" in recipe.says


def test_empty_map(image):
    assert "tells nothing" in one(image, np.zeros((24, 32))).says


def test_window_that_reaches_below_the_first_channel_is_said(image):
    # The map was made from 0.1 keV on, and the counts were read from 0.4 keV on.
    recipe = one(image.crop(0.5), window(image, 16, 40), "O K")
    assert "crop_below_kev=None" in recipe.says


def read_rosettasciio(module: str, path: Path) -> dict[str, np.ndarray]:
    reader = pytest.importorskip(f"rsciio.{module}").file_reader
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = reader(str(path))
    flat = [d for d in datasets if d["data"].ndim == 2]
    return {d["metadata"]["General"]["title"]: np.asarray(d["data"]) for d in flat}


@pytest.mark.skipif(not CLAIMS.exists(), reason="needs the sample files of vendors")
def test_five_of_five_maps_of_a_jeol_project():
    project = CLAIMS / "jeol_analysis_station"
    counts = bu.read(project / "Sample/00_View000/View000_0000006.pts", crop_below_kev=None)
    maps = read_rosettasciio("jeol", project / "rawdata.ASW")
    recipes = recover_recipes(counts, {title: a for title, a in maps.items() if title != "IMG1"})
    said = {title: tuple(round(kev, 3) for kev in recipe.window_kev) for title, recipe in recipes.items()}
    assert all(recipe.exact and recipe.difference == 0 for recipe in recipes.values())
    assert said == {
        "C K": (0.189, 0.359),
        "O K": (0.439, 0.609),
        "S K": (2.179, 2.429),
        "Fe K": (6.218, 6.578),
        "Cu K": (7.838, 8.238),
    }


@pytest.mark.skipif(not CLAIMS.exists(), reason="needs the sample files of vendors")
def test_four_of_four_maps_of_a_velox_file(tmp_path):
    with zipfile.ZipFile(CLAIMS / "velox/velox_emd_version11.zip") as packed:
        path = Path(packed.extract("Test SI 16x16 215 kx.emd", tmp_path))
    maps = read_rosettasciio("emd", path)
    recipes = recover_recipes(
        bu.read(path, crop_below_kev=None), {t: maps[t] for t in ("C", "Ca", "O", "Cu")}
    )
    assert all((r.exact, r.mean, r.edges) == (True, 3, "reflect") for r in recipes.values())
    assert max(r.difference for r in recipes.values()) < 1e-5
    assert recipes["C"].window_kev == pytest.approx((0.12, 0.41), abs=0.006)

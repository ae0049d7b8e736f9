"""Element maps from files of their own, and from inside microscope files."""

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from bayesunmix.claims.reading import read_claim

CLAIMS = Path(__file__).parents[3] / ".." / "shared" / "data" / "claims"
real_files = pytest.mark.skipif(
    not CLAIMS.is_dir(), reason="the claims of ../shared/data are not on this machine"
)
MAP = np.random.default_rng(5).gamma(2.0, 3.0, (7, 9))


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("Fe", "Fe"),
        ("Fe_K", "Fe K"),
        ("Map Data 1 Fe Ka1", "Fe Ka1"),
        ("S-K", "S K"),
        ("Si K series", "Si K"),
    ],
)
def test_the_title_is_the_element_in_the_name(stem, title, tmp_path):
    Image.fromarray(MAP.astype(np.float32)).save(tmp_path / f"{stem}.tif")
    np.save(tmp_path / f"{stem}.npy", MAP)
    np.savetxt(tmp_path / f"{stem}.csv", MAP, delimiter=",")
    for ending in ("tif", "npy", "csv"):
        claim = read_claim(tmp_path / f"{stem}.{ending}")
        assert list(claim.maps) == [title]
        np.testing.assert_allclose(claim.maps[title], MAP, rtol=1e-6)
        assert list(read_claim(maps={"x y": tmp_path / f"{stem}.{ending}"}).maps) == ["x y"]


def test_grey_pictures_are_maps_and_colours_are_refused(tmp_path):
    grey = (10 * MAP).clip(0, 255).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "Fe.png")
    np.testing.assert_array_equal(read_claim(tmp_path / "Fe.png").maps["Fe"], grey)
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(tmp_path / "rgb.png")
    np.testing.assert_array_equal(read_claim(maps={"Fe": tmp_path / "rgb.png"}).maps["Fe"], grey)
    Image.fromarray(np.dstack([grey, 0 * grey, 0 * grey])).save(tmp_path / "rgb.png")
    with pytest.raises(ValueError, match=r"'rgb\.png' is a picture in colours"):
        read_claim(maps={"Fe": tmp_path / "rgb.png"})


def test_maps_without_a_name_ask_for_one(tmp_path):
    np.save(tmp_path / "map.npy", MAP)
    with pytest.raises(ValueError, match=r"maps=\{'Fe': 'map\.npy'\}"):
        read_claim(tmp_path / "map.npy")
    with pytest.raises(ValueError, match=r"'map\.npy' is not named after an element"):
        read_claim(maps=[tmp_path / "map.npy"])
    np.save(tmp_path / "Fe.npy", MAP)
    np.save(tmp_path / "Fe other.npy", MAP + 1)
    assert list(read_claim(tmp_path / "Fe.npy", maps=[tmp_path / "Fe.npy"]).maps) == ["Fe"], "twice the same"
    with pytest.raises(ValueError, match="two files with the element map of 'Fe'"):
        read_claim(tmp_path / "Fe.npy", tmp_path / "Fe other.npy")


def test_nan_outside_the_scan_is_nothing(tmp_path):
    values = MAP.copy()
    values[0] = np.nan
    np.save(tmp_path / "Fe.npy", values)
    claim = read_claim(tmp_path / "Fe.npy")
    assert (claim.maps["Fe"][0] == 0).all()
    assert any("no number in 9 pixels" in note for note in claim.notes)
    np.save(tmp_path / "Fe.npy", values * np.nan)
    with pytest.raises(ValueError, match=r"'Fe\.npy' holds no number"):
        read_claim(maps={"Fe": tmp_path / "Fe.npy"})


def test_a_file_without_maps_is_a_sentence(tmp_path):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError, match=r"a\.emd"):
        read_claim(tmp_path / "a.emd")
    (tmp_path / "a.map").write_bytes(b"\0" * 500)
    with pytest.raises(ValueError, match=r"a\.map"):
        read_claim(tmp_path / "a.map")
    (tmp_path / "a.ASW").write_bytes(b"\0" * 500)
    with pytest.raises(ValueError, match=r"'a\.ASW' names no \.map file"):
        read_claim(tmp_path / "a.ASW")
    (tmp_path / "a.ASW").write_bytes(b"\0\x05.\\Sample\\V\\1.map\0..\\..\\b.map\0")
    with pytest.raises(ValueError, match=r"none of the 1 \.map files that 'a\.ASW' names is there"):
        read_claim(tmp_path / "a.ASW")


@real_files
def test_a_jeol_project():
    claim = read_claim(CLAIMS / "jeol_analysis_station" / "rawdata.ASW")
    totals = {"C K": 62728, "O K": 15509, "S K": 45058, "Fe K": 45099, "Cu K": 24997}
    assert {title: int(values.sum()) for title, values in claim.maps.items()} == totals
    assert {values.shape for values in claim.maps.values()} == {(512, 512)}
    assert claim.labels is None and claim.made_from == "these counts"
    assert any("C K, O K, S K, Fe K, Cu K" in note for note in claim.notes)
    one = read_claim(CLAIMS / "jeol_analysis_station/Sample/00_View000/View000_0000002.map")
    np.testing.assert_array_equal(one.maps["O K"], claim.maps["O K"])


@real_files
@pytest.mark.parametrize(
    ("archive", "part", "maps", "shape", "left_out"),
    [
        ("velox_emd_version11.zip", "16x16 215 kx", ["C", "Ca", "O", "Cu"], (16, 16), "HAADF"),
        ("velox_emd_version11.zip", "ReducedData", ["C", "Ca", "O", "Cu"], (16, 16), "HAADF"),
        ("velox_EELS_EDS.zip", "EELS", ["Co", "O", "Fe"], (16, 20), "Fe-EELS"),
    ],
)
def test_velox_files_whole_and_pruned(archive, part, maps, shape, left_out, tmp_path):
    with zipfile.ZipFile(CLAIMS / "velox" / archive) as file:
        name = next(name for name in file.namelist() if part in name and name.endswith(".emd"))
        path = Path(file.extract(name, tmp_path))
    claim = read_claim(path)
    assert list(claim.maps) == maps
    assert {values.shape for values in claim.maps.values()} == {shape}
    assert any(left_out in note for note in claim.notes)
    assert list(read_claim(maps={"O": path}).maps) == ["O"]
    with pytest.raises(ValueError, match="has no map 'Ni'"):
        read_claim(maps={"Ni": path})

"""Reading microscope files: small ones written here through RosettaSciIO, and the real ones where they are."""

import logging
from pathlib import Path

import h5py
import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.io import child, dataset

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"
real_files = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real files (../shared/data) are not on this machine"
)


formats = [".bcf", ".emd", ".h5", ".h5oina", ".hdf5", ".hspy", ".msa", ".npz", ".pts", ".rpl", ".zspy"]


def axis(name, size, scale=1.0, offset=0.0, units="", navigate=True):
    return {
        "name": name,
        "size": size,
        "scale": scale,
        "offset": offset,
        "units": units,
        "navigate": navigate,
        "_type": "UniformDataAxis",
    }


def signal(counts, axes=None, signal_type="EDS_TEM"):
    """Return what RosettaSciIO's writers take."""
    y, x, c = (1, 1, *counts.shape)[-3:]
    default = [axis("y", y, 2.0, units="nm"), axis("x", x, 2.0, units="nm"), energy(c)]
    axes = [dict(a, index_in_array=i) for i, a in enumerate(axes or default[-counts.ndim :])]
    metadata = {"General": {"title": "test"}, "Signal": {"signal_type": signal_type}}
    metadata["Acquisition_instrument"] = {"TEM": {"beam_energy": 200.0, "Detector": {"EDS": {}}}}
    package = {"package": "", "package_version": ""}
    empty = {"original_metadata": {}, "learning_results": {}, "models": {}, "tmp_parameters": {}}
    attributes = {"_lazy": False, "ragged": False}
    described = {"data": counts, "axes": axes, "metadata": metadata}
    return described | empty | {"package_info": package, "attributes": attributes}


def energy(size, **changes):
    return axis("Energy", size, 0.01, -0.105, "keV", navigate=False) | changes


def save(path, dictionary):
    name = {".rpl": "ripple"}.get(path.suffix, path.suffix[1:])
    module = __import__(f"rsciio.{name}", fromlist=["file_writer"])
    path.unlink(missing_ok=True)
    module.file_writer(str(path), dictionary)
    return path


@pytest.fixture
def counts():
    return np.random.default_rng(3).poisson(0.3, (4, 5, 60)).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".hspy", ".zspy", ".rpl"])
def test_round_trip_through_rosettasciio(counts, tmp_path, suffix):
    image = bu.read(save(tmp_path / f"map{suffix}", signal(counts)), crop_below_kev=None)
    np.testing.assert_array_equal(image.dense(), counts)
    np.testing.assert_allclose(image.energy_kev, -0.105 + 0.01 * np.arange(60), atol=1e-9)
    assert [(a.scale, a.units) for a in image.axes] == [(2.0, "nm")] * 2
    assert image.counts.dtype == np.uint8


@pytest.mark.parametrize("step", [0.0, np.nan, np.inf])
def test_a_step_that_is_none_is_pixels_and_said(counts, tmp_path, caplog, step):
    axes = [axis("y", 4, step, units="nm"), axis("x", 5, 2.0, units="nm"), energy(60)]
    image = bu.read(save(tmp_path / "map.hspy", signal(counts, axes)), crop_below_kev=None)
    assert image.axes == (bu.Axis("y"), bu.Axis("x", 2.0, "nm"))
    assert "have no size along y: maps are drawn in pixels" in caplog.text
    nameless = {"name": "y", "units": "nm", "navigate": True, "size": 4}
    image = dataset.to_image("it", counts, [nameless, *axes[1:]])
    assert image.axes[0] == bu.Axis("y")


def test_blocks_smaller_than_a_row_give_the_same(counts, monkeypatch):
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 150)
    image = dataset.to_image("map", counts, signal(counts)["axes"])
    np.testing.assert_array_equal(image.dense(), counts)


def test_the_crop_is_default_said_and_changeable(counts, tmp_path, caplog):
    path = save(tmp_path / "map.hspy", signal(counts))
    image = bu.read(path)
    assert image.energy_kev[0] == pytest.approx(0.205)
    np.testing.assert_array_equal(image.dense(), counts[..., 31:])
    assert "cropped below 0.2 keV: left out 31 of 60 channels" in caplog.text
    assert bu.read(path, crop_below_kev=0.3).n_channels == 19
    caplog.clear()
    assert bu.read(path, crop_below_kev=None).n_channels == 60
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "factor", "said"),
    [
        ({"scale": 10.0, "offset": -105.0, "units": "eV"}, 1, None),
        ({"scale": 10.0, "offset": -105.0, "units": "keV"}, 1000, "is in keV: read as -105 to 485 keV"),
        ({"units": "eV"}, 0.001, "is in eV: read as -0.000105 to 0.000485 keV"),
        ({"scale": 10.0, "offset": -105.0, "units": ""}, 1, "has no unit: read its step of 10 as eV"),
    ],
)
def test_energy_units(counts, tmp_path, caplog, changes, factor, said):
    axes = [axis("y", 4), axis("x", 5), energy(60, **changes)]
    image = bu.read(save(tmp_path / "map.hspy", signal(counts, axes)), None)
    np.testing.assert_allclose(image.energy_kev, factor * (-0.105 + 0.01 * np.arange(60)), atol=1e-9)
    assert [said in record.getMessage() for record in caplog.records] == ([True] if said else [])


def test_an_axis_below_the_crop_is_refused_with_the_ways_out(counts, tmp_path):
    axes = [axis("y", 4), axis("x", 5), energy(60, name="Energy loss", scale=0.5, offset=0.0, units="eV")]
    path = save(tmp_path / "map.hspy", signal(counts, axes, "EELS"))
    with pytest.raises(
        ValueError, match=r"between 0\.2 keV.*0\.0000 to 0\.0295 keV.*crop_below_kev=None.*signal='any'"
    ):
        bu.read(path)
    assert bu.read(path, signal="any").n_channels == 60


def test_an_energy_axis_that_comes_first_and_is_marked_as_navigation(counts, tmp_path):
    axes = [energy(60, navigate=True), axis("y", 4, navigate=False), axis("x", 5, navigate=False)]
    path = save(tmp_path / "map.hspy", signal(np.ascontiguousarray(np.moveaxis(counts, -1, 0)), axes))
    image = bu.read(path, None)
    np.testing.assert_array_equal(image.dense(), counts)
    assert image.axes == (bu.Axis("y"), bu.Axis("x"))


def test_an_energy_axis_known_only_by_its_mark(counts, tmp_path):
    axes = [axis("y", 4), axis("x", 5), energy(60, name="depth", units="")]
    assert bu.read(save(tmp_path / "map.hspy", signal(counts, axes)), None).n_channels == 60


def test_frames_are_added_up(tmp_path, caplog):
    frames = np.full((3, 2, 2, 40), 200, dtype=np.uint8)
    axes = [axis("Frame", 3, units="s"), axis("y", 2), axis("x", 2), energy(40)]
    image = bu.read(save(tmp_path / "map.hspy", signal(frames, axes)), None)
    np.testing.assert_array_equal(image.dense(), np.full((2, 2, 40), 600))
    assert "3 frames: added them up" in caplog.text


@pytest.mark.parametrize(
    ("kind", "count"), [(np.float32, 200_001), (np.float32, 2**23 - 1), (np.float64, 2**23 - 1)]
)
def test_frames_of_floats_are_added_up_without_rounding(tmp_path, kind, count):
    frames = np.full((300, 2, 2, 10), count, kind)
    axes = [axis("Frame", 300), axis("y", 2), axis("x", 2), energy(10)]
    image = bu.read(save(tmp_path / "map.hspy", signal(frames, axes)), None)
    np.testing.assert_array_equal(image.dense(), np.full((2, 2, 10), 300 * count))


@pytest.mark.parametrize("dataset", [1.0, "1", True])
def test_a_dataset_that_is_no_number_and_one_of_our_own_file(counts, tmp_path, dataset):
    path = save(tmp_path / "map.hspy", signal(counts))
    with pytest.raises(ValueError, match="dataset must be a whole number, got"):
        bu.read(path, dataset=dataset)
    bu.write(bu.read(path), tmp_path / "map.npz")
    with pytest.raises(ValueError, match=r"dataset must be the number .*'map\.npz'.*got 3"):
        bu.read(tmp_path / "map.npz", dataset=3)


def test_a_tilt_series_keeps_its_axes(tmp_path):
    series = np.random.default_rng(0).poisson(1, (3, 2, 4, 30))
    axes = [axis("tilt", 3, 5.0, units="°"), axis("y", 2), axis("x", 4), energy(30)]
    image = bu.read(save(tmp_path / "map.hspy", signal(series, axes)), None)
    np.testing.assert_array_equal(image.dense(), series)
    assert image.axes[0] == bu.Axis("tilt", 5.0, "°")


def test_whole_number_floats_are_counts_and_fractions_are_not(counts, tmp_path):
    path = tmp_path / "map.hspy"
    np.testing.assert_array_equal(
        bu.read(save(path, signal(counts.astype(np.float32))), None).dense(), counts
    )
    for wrong, said in [
        (counts + 0.5, "whole numbers"),
        (counts * np.nan, "finite"),
        (counts - 1.0, "not be negative"),
    ]:
        with pytest.raises(ValueError, match=f"map.hspy.*{said}"):
            bu.read(save(path, signal(wrong)))


def test_what_is_no_spectrum_image(tmp_path):
    spectrum = save(tmp_path / "one.msa", signal(np.arange(50.0)))
    with pytest.raises(ValueError, match=r"one\.msa.*one spectrum \(50\)"):
        bu.read(spectrum)
    flat = [axis("y", 4, navigate=False), axis("x", 5, navigate=False)]
    with pytest.raises(ValueError, match=r"no spectrum image \(4 x 5\)"):
        bu.read(save(tmp_path / "haadf.hspy", signal(np.ones((4, 5)), flat, "")))
    bare = [axis("y", 2), axis("x", 2), axis("z", 9, navigate=False)]
    with pytest.raises(ValueError, match="not calibrated"):
        bu.read(save(tmp_path / "bare.hspy", signal(np.ones((2, 2, 9), dtype=int), bare)))
    with pytest.raises(ValueError, match="no counts"):
        bu.read(save(tmp_path / "vacuum.hspy", signal(np.zeros((2, 2, 9), dtype=int))), None)


def test_wrong_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        bu.read(tmp_path / "missing.bcf")
    with pytest.raises(ValueError, match="is a folder"):
        bu.read(tmp_path)
    for name in ("map.oip", "map"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=r"cannot read.*\.rpl with its \.raw"):
            bu.read(tmp_path / name)


@pytest.mark.parametrize("suffix", formats)
@pytest.mark.parametrize("content", [b"", b"junk", b"\0" * 5000, bytes(range(256)) * 40])
def test_files_that_are_something_else(tmp_path, suffix, content):
    path = tmp_path / f"map{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"map\.") as caught:
        bu.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".hspy", ".rpl"])
def test_truncated(counts, tmp_path, suffix):
    path = save(tmp_path / f"map{suffix}", signal(counts))
    largest = max(tmp_path.iterdir(), key=lambda file: file.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"map.*cut short"):
        bu.read(path)


def test_without_rosettasciio(counts, tmp_path, monkeypatch):
    path = save(tmp_path / "map.hspy", signal(counts))
    (tmp_path / "rsciio.py").write_text("raise ModuleNotFoundError(name='rsciio')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(child, "_waiting", [])
    with pytest.raises(ModuleNotFoundError, match=r"needs rsciio.*pip install bayesunmix\[io\]"):
        bu.read(path)


def test_a_file_of_old_hyperspy(counts, tmp_path):
    path = save(tmp_path / "map.hspy", signal(counts)).rename(tmp_path / "map.hdf5")
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts)
    np.testing.assert_array_equal(bu.read(path.rename(tmp_path / "map.h5"), None).dense(), counts)


def test_a_file_with_several_spectrum_images(counts, tmp_path, caplog):
    """Two groups in one file, as EMD allows: the larger is read, and the other on demand."""
    path = tmp_path / "maps.emd"
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
        for name, cube in (("large", counts), ("small", counts[:2])):
            group = file.create_group(f"data/{name}")
            group.attrs["emd_group_type"] = 1
            group["data"] = np.swapaxes(cube, 0, 1)  # the reader takes the first axis for x
            for i, (axis_name, size) in enumerate(zip("xyE", group["data"].shape, strict=True), 1):
                group[f"dim{i}"] = 0.01 * np.arange(size)
                group[f"dim{i}"].attrs.update(name=axis_name, units="keV" if i == 3 else "nm")
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts)
    assert "2 spectrum images (0: large 60 x 4 x 5, 1: small 60 x 2 x 5): read number 0" in caplog.text
    np.testing.assert_array_equal(bu.read(path, None, dataset=1).dense(), counts[:2])
    with pytest.raises(ValueError, match=r"dataset must be .*0: large .*got -1"):
        bu.read(path, dataset=-1)


def test_an_hdf5_file_of_another_kind_is_named(tmp_path):
    with h5py.File(tmp_path / "scan.hdf5", "w") as file:
        file["entry/data"] = np.ones(3)
    with pytest.raises(ValueError, match=r"'scan\.hdf5' is an HDF5 file, but not .*it holds entry.*export"):
        bu.read(tmp_path / "scan.hdf5")


# Shapes, counts, first channel, pixel and the share below 0.2 keV, read off the files.
KNOWN = {
    "71GPa_experimental_data.hspy": ((201, 201, 2048), 7_132_114, -0.472, (0.0017165, "µm"), 0.017),
    "P45_12bit_packed_8bit.bcf": ((75, 100, 2048), 915_942, -0.4724, (8.736785, "µm"), 0.174),
    "P45_the_default_job.bcf": ((75, 100, 2048), 165_941, -0.4724, (8.736785, "µm"), 0.175),
    "16x16_12bit_packed_8bit.bcf": ((16, 16, 2048), 20_194, -0.471, (0.966498, "µm"), 0.108),
    "core_shell.hspy": ((64, 64, 992), 884_071, 0.160, (0.5, "nm"), 0.010),
    "View000_0000006.pts": ((512, 512, 4096), 308_261, -0.961, (0.0086914, "µm"), 0.073),
    "fei_emd_si.emd": ((16, 16, 4096), 6_564, -1.0, (5.302415, "nm"), 0.984),
}


@real_files
@pytest.mark.parametrize("name", KNOWN)
def test_real_files(name):
    shape, photons, first, (scale, units), strobe = KNOWN[name]
    image = bu.read(REAL / name, crop_below_kev=None)
    assert image.shape == shape
    assert image.n_photons == photons
    assert image.energy_kev[0] == pytest.approx(first, abs=1e-3)
    for read in image.axes:
        assert read.units == units
        assert read.scale == pytest.approx(scale, rel=1e-4)
    below = image.counts[:, image.energy_kev < 0.2].sum()
    assert below / photons == pytest.approx(strobe, abs=1e-3)


@real_files
@pytest.mark.parametrize(
    "name", [n for n in KNOWN if n not in ("P45_the_default_job.bcf", "core_shell.hspy")]
)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_real_files_cut_short(name, share, tmp_path):
    content = (REAL / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="cut short"):
        bu.read(path)


def test_the_readers_do_not_touch_logging_for_others(counts, tmp_path, caplog):
    path = save(tmp_path / "map.hspy", signal(counts))
    caplog.set_level(logging.INFO, "rsciio")  # until the end of this test
    bu.read(path)
    assert logging.getLogger("rsciio").level == logging.INFO

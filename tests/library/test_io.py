"""Reading microscope files: small ones written here through RosettaSciIO, and the real ones where they are."""

import logging
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.io import dataset
from bayesunmix.io import rosettasciio as readers

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"
real_files = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real files (../shared/data) are not on this machine"
)


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
    module = __import__(f"rsciio.{readers.READERS[path.suffix][0]}", fromlist=["file_writer"])
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


def test_blocks_smaller_than_a_row_give_the_same(counts, tmp_path, monkeypatch):
    path = save(tmp_path / "map.hspy", signal(counts))
    monkeypatch.setattr(dataset, "_BLOCK_BYTES", 150)
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts)


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
    ("changes", "said"),
    [
        ({"scale": 10.0, "offset": -105.0, "units": "eV"}, None),
        ({"scale": 10.0, "offset": -105.0, "units": "keV"}, "is labelled keV: read its step of 10 as eV"),
        ({"units": "eV"}, "is labelled eV: read its step of 0.01 as keV"),
        ({"scale": 10.0, "offset": -105.0, "units": ""}, "has no unit: read its step of 10 as eV"),
    ],
)
def test_energy_units(counts, tmp_path, caplog, changes, said):
    axes = [axis("y", 4), axis("x", 5), energy(60, **changes)]
    image = bu.read(save(tmp_path / "map.hspy", signal(counts, axes)), None)
    np.testing.assert_allclose(image.energy_kev, -0.105 + 0.01 * np.arange(60), atol=1e-9)
    assert [record.getMessage().endswith(said) for record in caplog.records] == ([True] if said else [])


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
        bu.read(save(tmp_path / "vacuum.hspy", signal(np.zeros((2, 2, 9), dtype=int))))


def test_wrong_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        bu.read(tmp_path / "missing.bcf")
    with pytest.raises(ValueError, match="is a folder"):
        bu.read(tmp_path)
    for name in ("map.h5oina", "map"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=r"cannot read.*\.rpl with its \.raw"):
            bu.read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".npz", *readers.READERS])
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
    with pytest.raises(ValueError, match="damaged, cut short"):
        bu.read(path)


def test_without_rosettasciio(tmp_path, monkeypatch):
    (tmp_path / "map.bcf").write_bytes(b"x")
    monkeypatch.setitem(__import__("sys").modules, "rsciio", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install bayesunmix\[io\]"):
        bu.read(tmp_path / "map.bcf")


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


def test_the_readers_do_not_touch_logging_for_others(counts, tmp_path):
    logger = logging.getLogger("rsciio")
    path = save(tmp_path / "map.hspy", signal(counts))
    logger.setLevel(logging.INFO)
    bu.read(path)
    assert logger.level == logging.INFO

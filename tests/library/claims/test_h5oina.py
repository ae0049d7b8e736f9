"""Oxford .h5oina files, written here as the published specification says: counts, element maps and EBSD phases."""

import logging

import h5py
import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.claims.claim import UNASSIGNED
from bayesunmix.claims.reading import read_claim

SHAPE, CHANNELS = (5, 7), 60
COUNTS = np.random.default_rng(7).poisson(0.4, (*SHAPE, CHANNELS)).astype(np.int32)
PHASES = np.random.default_rng(8).integers(0, 3, SHAPE)


def header(group, shape=SHAPE, *, flat=False, **entries):
    """Write the header of a technique; `flat` writes arrays of one number as plain numbers."""
    common = {
        "X Cells": np.int32(shape[1]),
        "Y Cells": np.int32(shape[0]),
        "X Step": np.float32(0.25),
        "Y Step": np.float32(0.25 if shape[0] > 1 else 0),
        "Project Label": "a project",
        **entries,
    }
    for name, value in common.items():
        if value is None:
            continue
        group[f"Header/{name}"] = value if flat or isinstance(value, str) else np.array([value])


def eds(file, name="EDS", counts=COUNTS, live=0.002, *, flat=False, **entries):
    """Write one detector: spectra compressed with LZF, live times and window integrals in counts per second."""
    group = file.create_group(f"1/{name}")
    height, width, channels = counts.shape
    rows = counts.reshape(-1, channels)
    group.create_dataset("Data/Spectrum", data=rows, compression="lzf", chunks=(3, channels))
    live = np.full(height * width, live, np.float32) if np.isscalar(live) else live
    group["Data/Live Time"] = live[:, None]
    for title, part in (("Al Ka1", slice(10, 20)), ("Fe Ka1", slice(30, 50))):
        integral = rows[:, part].sum(1) / live
        group[f"Data/Window Integral/{title}"] = integral.astype(np.float32)
    group["Data/Peak Area/Al K series"] = (rows[:, 12:18].sum(1) / live).astype(np.float32)
    group["Data/Composition/Al"] = np.ones(height * width, np.float32)
    defaults = {
        "Channel Width": np.float32(20),
        "Start Channel": np.float32(-100),
        "Number Channels": np.int32(channels),
    }
    header(group, counts.shape[:2], flat=flat, **{**defaults, **entries})
    return group


def ebsd(file, codes=PHASES, technique="EBSD", names=("Austenite", "Ferrite"), as_bytes=False):
    group = file.create_group(f"1/{technique}")
    group["Data/Phase"] = codes.astype(np.uint8).reshape(-1, 1)
    header(group, codes.shape)
    for i, name in enumerate(names, 1):
        entry = group.create_group(f"Header/Phases/{i}")
        entry["Phase Name"] = np.array([name.encode()]) if as_bytes else name
        entry["Color"] = np.array([[200, 10 * i, 0]], np.uint8)
    return group


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "map.h5oina", "w") as file:
        file["Format Version"] = "7.0"
        file["Index"] = np.array([b"1"])
        file["Index"].attrs["Type"] = "Single"
        yield file


def closed(file):
    path = file.filename
    file.close()
    return path


@pytest.mark.parametrize("flat", [False, True])
def test_counts(file, flat):
    eds(file, flat=flat)
    image = bu.read(closed(file), None)
    np.testing.assert_array_equal(image.counts.toarray().reshape(COUNTS.shape), COUNTS)
    np.testing.assert_allclose(image.energy_kev, -0.1 + 0.02 * np.arange(CHANNELS), atol=1e-6)
    assert [(axis.name, axis.scale, axis.units) for axis in image.axes] == [
        ("y", 0.25, "µm"),
        ("x", 0.25, "µm"),
    ]
    assert image.mask is None


def test_the_strobe_is_cropped_as_in_any_file(file):
    eds(file)
    image = bu.read(closed(file))
    assert image.energy_kev[0] == pytest.approx(0.2)
    assert image.n_photons == COUNTS[..., 15:].sum()


def test_detectors_are_added_up_and_binning_is_said(file, caplog):
    eds(file, "EDS1", Binning=np.int32(4))
    eds(file, "EDS2", counts=COUNTS[::-1])
    with caplog.at_level(logging.WARNING, "bayesunmix"):
        image = bu.read(closed(file), None)
    np.testing.assert_array_equal(image.counts.toarray().reshape(COUNTS.shape), COUNTS + COUNTS[::-1])
    assert "recorded with 2 detectors" in caplog.text
    assert "summed over 4 x 4 pixels" in caplog.text


def test_detectors_with_other_axes_are_refused(file):
    eds(file, "EDS1")
    eds(file, "EDS2", **{"Channel Width": np.float32(10)})
    with pytest.raises(ValueError, match="detectors with different axes"):
        bu.read(closed(file), None)


def test_outside_the_scan_is_masked(file, caplog):
    live = np.full(COUNTS[..., 0].size, 0.002, np.float32)
    live[:9] = np.nan
    eds(file, live=live)
    path = closed(file)
    with caplog.at_level(logging.WARNING, "bayesunmix"):
        image = bu.read(path, None)
    expected = np.arange(live.size).reshape(SHAPE) >= 9
    np.testing.assert_array_equal(image.mask, expected)
    assert "9 of 35 pixels lie outside" in caplog.text
    claim = read_claim(path)
    assert (claim.maps["Al Ka1"].ravel()[:9] == 0).all()


def test_a_line_has_one_axis(file):
    eds(file, counts=COUNTS[:1])
    image = bu.read(closed(file), None)
    assert image.navigation_shape == (7,)
    np.testing.assert_array_equal(image.counts.toarray(), COUNTS[0])


def test_several_slices(file, caplog):
    eds(file, counts=COUNTS[:2])
    other = file.create_group("tmp")
    eds_of_other = eds(other)
    assert eds_of_other.name == "/tmp/1/EDS"
    file.move("tmp/1", "2")
    path = closed(file)
    with caplog.at_level(logging.WARNING, "bayesunmix"):
        assert bu.read(path, None).navigation_shape == SHAPE, "the largest"
    assert "holds 2 spectrum images" in caplog.text
    assert bu.read(path, None, dataset=0).navigation_shape == (2, 7)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"Channel Width": None}, "must give 'Channel Width' in /1/EDS/Header"),
        ({"Start Channel": None}, "must give 'Start Channel'"),
        ({"X Cells": None}, "must give 'X Cells'"),
        ({"X Cells": np.int32(8)}, "must have 8 x 5 pixels as its header says, and /1/EDS/Data has 35"),
        ({"Channel Width": np.float32(0)}, "channels of 0 eV"),
        ({"Y Cells": np.int32(-1)}, "a map of 7 x -1 pixels"),
    ],
)
def test_missing_entries_are_a_sentence(file, entries, said):
    eds(file, **entries)
    with pytest.raises(ValueError, match=said) as caught:
        bu.read(closed(file))
    assert "map.h5oina" in str(caught.value)


def test_files_without_counts_are_a_sentence(file, tmp_path):
    ebsd(file)
    with pytest.raises(ValueError, match=r"holds no spectra: export the map from AZtec 6\.2 or later"):
        bu.read(closed(file))
    (tmp_path / "no.h5oina").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"is no \.h5oina file"):
        bu.read(tmp_path / "no.h5oina")


def test_negative_counts_are_refused(file):
    counts = COUNTS.copy()
    counts[0, 0, 0] = -1
    eds(file, counts=counts)
    with pytest.raises(ValueError, match="photon counts"):
        bu.read(closed(file), None)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_phases_and_maps_as_a_claim(file, as_bytes):
    ebsd(file, as_bytes=as_bytes)
    ebsd(file, np.where(PHASES == 0, 1, PHASES), "Data Processing", as_bytes=as_bytes)
    eds(file)
    path = closed(file)
    claim = read_claim(path)
    assert claim.names == ("Austenite", "Ferrite")
    np.testing.assert_array_equal(claim.labels, PHASES - 1)
    assert claim.made_from == "elsewhere"
    assert claim.colours["Ferrite"] == (200, 20, 0)
    np.testing.assert_allclose(claim.maps["Al Ka1"], COUNTS[..., 10:20].sum(-1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(claim.maps["Al K"], COUNTS[..., 12:18].sum(-1), rtol=1e-5, atol=1e-5)
    assert set(claim.maps) == {"Al Ka1", "Fe Ka1", "Al K"}
    assert any("dataset='Data Processing'" in note for note in claim.notes)
    assert any("left out Composition" in note for note in claim.notes)
    cleaned = read_claim(path, dataset="Data Processing")
    np.testing.assert_array_equal(cleaned.labels, np.where(PHASES == 0, 0, PHASES - 1))
    only_labels = read_claim(labels=path)
    np.testing.assert_array_equal(only_labels.labels, claim.labels)
    assert not only_labels.maps
    assert set(read_claim(maps=path).maps) == set(claim.maps)
    with pytest.raises(ValueError, match="must be 'EBSD' or 'Data Processing', got 'x'"):
        read_claim(path, dataset="x")


def test_maps_of_two_detectors_are_added_up_and_live_times_may_be_missing(file):
    eds(file, "EDS1")
    eds(file, "EDS2", live=0.004)
    path = closed(file)
    claim = read_claim(path)
    np.testing.assert_allclose(claim.maps["Fe Ka1"], 2 * COUNTS[..., 30:50].sum(-1), rtol=1e-5, atol=1e-5)
    with h5py.File(path, "a") as again:
        del again["1/EDS2"], again["1/EDS1/Data/Live Time"]
    claim = read_claim(path)
    np.testing.assert_allclose(claim.maps["Fe Ka1"], COUNTS[..., 30:50].sum(-1) / 0.002, rtol=1e-5, atol=1e-3)
    assert any("counts per second" in note for note in claim.notes)


@pytest.mark.parametrize(
    ("codes", "names", "said"),
    [
        (PHASES, ("Austenite",), r"uses the phases \[2\], and names \[1\]"),
        (0 * PHASES, ("Austenite",), "no pixel with a phase"),
    ],
)
def test_bad_phases_are_a_sentence(file, codes, names, said):
    ebsd(file, codes, names=names)
    with pytest.raises(ValueError, match=said):
        read_claim(closed(file))


def test_a_file_with_neither_is_a_sentence(file):
    file["1/Electron Image/Data/SE/x"] = np.zeros(4)
    with pytest.raises(ValueError, match=r"neither EBSD phases nor element maps.*AutoPhaseMap"):
        read_claim(closed(file))


def test_nan_phases_are_not_indexed(file):
    group = ebsd(file)
    del group["Data/Phase"]
    codes = PHASES.astype(float)
    codes[0] = np.nan
    group["Data/Phase"] = codes.ravel()
    claim = read_claim(closed(file))
    assert (claim.labels[0] == UNASSIGNED).all()

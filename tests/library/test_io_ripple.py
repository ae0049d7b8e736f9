"""Ripple maps as the programs of microscopes write them."""

import numpy as np
import pytest

import bayesunmix as bu


@pytest.fixture
def counts():
    return np.random.default_rng(3).poisson(0.3, (4, 5, 60))


def write(folder, counts, header="", *, kind="<u2", by="vector", raw="map.raw", lispix=True):
    """Write a map; the header begins with what every program gives."""
    height, width, depth = counts.shape
    stored = counts if by == "vector" else np.moveaxis(counts, -1, 0)
    kind = np.dtype(kind)
    (folder / raw).write_bytes(np.ascontiguousarray(stored).astype(kind).tobytes())
    keys = {
        "width": width,
        "height": height,
        "depth": depth,
        "offset": 0,
        "data-length": kind.itemsize,
        "data-type": {"u": "unsigned", "i": "signed", "f": "float"}[kind.kind],
        "byte-order": {"<": "little-endian", ">": "big-endian", "|": "little-endian"}[kind.str[0]],
        "record-by": by,
    }
    given = dict(line.split(maxsplit=1) for line in header.splitlines())
    if lispix:
        lines = ["key\tvalue", *(f"{key}\t{value}" for key, value in (keys | given).items())]
    else:
        lines = [
            "(MLX::RPLFile",
            *(f"(MLX::{key.upper()} : {value})" for key, value in (keys | given).items()),
            ")",
        ]
    (folder / "map.rpl").write_text("\n".join(lines) + "\n")
    return folder / "map.rpl"


@pytest.mark.parametrize("by", ["vector", "image"])
@pytest.mark.parametrize("kind", ["<u1", "<u2", ">u2", "<i4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("lispix", [True, False])
def test_every_order_and_type_with_the_step_in_ev(counts, tmp_path, by, kind, lispix):
    image = bu.read(write(tmp_path, counts, "ev-per-chan 10", kind=kind, by=by, lispix=lispix), None)
    np.testing.assert_array_equal(image.dense(), counts)
    np.testing.assert_allclose(image.energy_kev, 0.01 * np.arange(60), atol=1e-12)


def test_small_blocks_give_the_same(counts, tmp_path, monkeypatch):
    from bayesunmix.io import dataset, ripple

    monkeypatch.setattr(ripple, "BLOCK_BYTES", 1)
    for by in ("vector", "image"):
        path = write(tmp_path, counts, "ev-per-chan 10", by=by)
        np.testing.assert_array_equal(dataset.image_of(ripple.read_rpl(path)).dense(), counts)


@pytest.mark.parametrize("shape", [(1, 5, 60), (4, 1, 60), (1, 1, 60)])
def test_maps_of_one_row_or_column(shape, tmp_path):
    counts = np.random.default_rng(4).poisson(0.3, shape)
    assert bu.read(write(tmp_path, counts, "ev-per-chan 10"), None).shape == shape


def test_steps_origins_and_units_of_hyperspy(counts, tmp_path):
    header = (
        "depth-scale 0.02\ndepth-origin 0.1\ndepth-units keV\nwidth-scale 3\nwidth-units nm\nheight-scale 4"
    )
    image = bu.read(write(tmp_path, counts, header), None)
    np.testing.assert_allclose(image.energy_kev, 0.1 + 0.02 * np.arange(60))
    assert (image.axes[1].scale, image.axes[1].units) == (3.0, "nm")


def test_names_with_brackets_and_capitals(counts, tmp_path):
    path = write(tmp_path, counts, "ev-per-chan 10", raw="map [1].RAW")
    path = path.rename(tmp_path / "map [1].rpl")
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts)


@pytest.mark.parametrize(
    ("header", "first", "step"),
    [
        ("ev-per-chan 20,0", 0.0, 0.02),
        ("ev-per-chan 20\ndepth-scale 1", 0.0, 0.02),
        ("ev-per-chan 20\ndepth-origin -0.2\ndepth-units keV", -0.2, 0.02),
        ("ev-per-chan 20\ndepth-origin -200", -0.2, 0.02),
        ("depth-scale 0,02\ndepth-origin -0,2\ndepth-units keV", -0.2, 0.02),
    ],
)
def test_numbers_and_units_of_the_energy_axis(counts, tmp_path, header, first, step):
    image = bu.read(write(tmp_path, counts, header), None)
    np.testing.assert_allclose(image.energy_kev, first + step * np.arange(60), atol=1e-12)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("ev-per-chan 20 eV", "must give ev-per-chan as a number, got '20 eV'; correct its header"),
        ("ev-per-chan 10\nwidth-scale wide", "must give width-scale as a number"),
        ("width five", "must give width as a whole number, got five"),
        ("data-length 3", "data-length 1, 2, 4 or 8"),
        ("record-by dont-care", "holds one image, and no spectrum image"),
        ("height 400", r"is cut short.*holds 2400 bytes.*400 x 5 x 60 counts of 2 bytes.*need 240000"),
        ("", "is not calibrated"),
    ],
)
def test_refusals_name_what_is_wrong(counts, tmp_path, header, said):
    with pytest.raises(ValueError, match=said):
        bu.read(write(tmp_path, counts, header), None)


def test_counts_without_a_file_and_a_file_with_more(counts, tmp_path, caplog):
    path = write(tmp_path, counts, "ev-per-chan 10\nheight 3")
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts[:3])
    assert "map.raw holds 600 bytes beyond what map.rpl describes" in caplog.text
    (tmp_path / "map.raw").unlink()
    with pytest.raises(ValueError, match=r"counts of 'map\.rpl' are missing: put map\.raw beside it"):
        bu.read(path)


def test_the_time_allowed_is_that_of_the_counts_and_not_of_the_header(counts, tmp_path, monkeypatch):
    from bayesunmix.io import child

    asked = []
    answer = child._Child.answer

    def slow(self, path, silence_s):
        asked.append(silence_s)
        return answer(self, path, silence_s)

    monkeypatch.setattr(child._Child, "answer", slow)
    path = write(tmp_path, np.repeat(counts, 100, axis=0), "ev-per-chan 10")
    bu.read(path)
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert asked[0] == pytest.approx(child._SILENCE_S + size / child._SILENT_BYTES_PER_S, abs=1e-6)

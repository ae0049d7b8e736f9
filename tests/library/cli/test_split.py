"""`bayesunmix split`."""

import numpy as np
import pytest

import bayesunmix as bu

FILES = {"half_a.npz", "half_a.rpl", "half_a.raw", "half_b.npz", "half_b.rpl", "half_b.raw", "summary.json"}


def test_the_halves_add_up_in_both_formats(run, file, tmp_path, strict):
    status, out, err = run("split", file, "--out", tmp_path / "halves", "--seed", 3)
    assert status == 0 and err == "" and "half_a.npz, .rpl and .raw" in out
    assert {path.name for path in (tmp_path / "halves").iterdir()} == FILES
    whole = bu.read(file, None)
    a, b = (bu.read(tmp_path / "halves" / f"half_{name}.npz", None) for name in "ab")
    np.testing.assert_array_equal(a.dense() + b.dense(), whole.dense())
    assert a.axes == whole.axes and a.spectral_axis == whole.spectral_axis
    for name, half in (("a", a), ("b", b)):
        ripple = bu.read(tmp_path / "halves" / f"half_{name}.rpl", None)
        np.testing.assert_array_equal(ripple.dense(), half.dense())
        np.testing.assert_allclose(ripple.energy_kev, whole.energy_kev, rtol=1e-8)
        assert ripple.axes == whole.axes
    summary = strict(tmp_path / "halves" / "summary.json")
    assert summary["counts"] == {"half_a": a.n_photons, "half_b": b.n_photons} and summary["seed"] == 3


def test_the_same_seed_gives_the_same_bytes(run, file, tmp_path):
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        assert run("split", file, "--out", tmp_path / name, "--seed", seed, "--quiet")[:2] == (0, "")
    raw = [(tmp_path / name / "half_a.raw").read_bytes() for name in ("first", "again", "other")]
    assert raw[0] == raw[1] != raw[2]


def test_large_counts_and_masked_pixels_come_through(run, tmp_path):
    counts = np.random.default_rng(0).poisson(2, (3, 4, 5))
    counts[1, 2, 3] = 2**25 + 1  # more than float32 holds
    mask = np.ones((3, 4), bool)
    mask[0] = False
    bu.write(bu.SpectrumImage(counts, [1.0, 2.0, 3.0, 4.0, 5.0], mask=mask), tmp_path / "map.npz")
    assert run("split", tmp_path / "map.npz", "--out", tmp_path / "halves", "--quiet")[0] == 0
    halves = [bu.read(tmp_path / "halves" / f"half_{name}.npz") for name in "ab"]
    total = sum(half.dense().reshape(3, 4, 5).astype(np.int64) for half in halves)
    np.testing.assert_array_equal(total, np.where(mask[..., None], counts, 0))
    assert all(np.array_equal(half.mask, mask) for half in halves)
    ripple = bu.read(tmp_path / "halves" / "half_a.rpl")
    np.testing.assert_array_equal(ripple.dense(), halves[0].dense())


def test_what_ripple_cannot_hold_is_said(run, tmp_path, strict):
    counts = np.random.default_rng(0).poisson(2, (12, 5))
    bu.write(bu.SpectrumImage(counts, [1.0, 2.0, 3.0, 4.0, 5.0]), tmp_path / "line.npz")
    status, _, err = run("split", tmp_path / "line.npz", "--out", tmp_path / "halves")
    assert status == 0 and "No .rpl was written: a Ripple map has two axes, and this image has 1." in err
    assert {path.name for path in (tmp_path / "halves").iterdir()} == {
        "half_a.npz",
        "half_b.npz",
        "summary.json",
    }
    uneven = bu.SpectrumImage(counts.reshape(3, 4, 5), [1.0, 2.0, 3.0, 4.0, 6.0])
    bu.write(uneven, tmp_path / "uneven.npz")
    err = run("split", tmp_path / "uneven.npz", "--out", tmp_path / "more")[2]
    assert "channels of one width" in err
    assert len(strict(tmp_path / "more" / "summary.json")["warnings"]) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--seed", -1), "seed must be a whole number from 0 to 2**32 - 1, got -1"),
        (("--seed", "x"), "must be a whole number, got 'x'"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(run, file, tmp_path, words, sentence):
    status, out, err = run("split", file, "--out", tmp_path / "halves", *words)
    assert (status, out) == (2, "") and sentence in err and not (tmp_path / "halves").exists()


def test_a_folder_is_replaced_only_on_request(run, file, tmp_path):
    folder = tmp_path / "halves"
    assert run("split", file, "--out", folder, "--quiet")[0] == 0
    status, _, err = run("split", file, "--out", folder)
    assert status == 2 and "is not empty" in err
    assert run("split", file, "--out", folder, "--overwrite", "--quiet", "--seed", 1)[0] == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    assert run("split", file, "--out", tmp_path / "mine", "--overwrite")[0] == 2
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_one_photon_cannot_be_split(run, tmp_path):
    counts = np.zeros((2, 2, 3), int)
    counts[0, 0, 1] = 1
    bu.write(bu.SpectrumImage(counts, [1.0, 2.0, 3.0]), tmp_path / "map.npz")
    status, _, err = run("split", tmp_path / "map.npz", "--out", tmp_path / "halves")
    assert status == 2 and "must leave photons on both sides" in err and not (tmp_path / "halves").exists()

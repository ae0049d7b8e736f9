"""Questions to a saved result: what is printed and written is what the library answers."""

import csv
import dataclasses
import re
from dataclasses import asdict

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.cli.quantities import quantity_rows
from bayesunmix.cli.table import digits


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def corner():
    mask = np.zeros((8, 40), bool)
    mask[2:8, 0:10] = True
    return mask


def test_region_by_box_and_by_mask(run, film, prepared, corner, tmp_path, strict):
    np.save(tmp_path / "corner.npy", corner)
    expected = bu.region(*prepared, corner, interval=0.8, seed=3)
    common = ("--interval", 0.8, "--seed", 3)
    files = ("--out", tmp_path / "r.csv", "--out", tmp_path / "r.json")
    status, out, err = run("region", film, "--box", "2:8,:10", *common, *files)
    assert (status, err) == (0, "")
    assert out == f"{expected}\nwritten    {tmp_path / 'r.csv'}\nwritten    {tmp_path / 'r.json'}\n"
    assert run("region", film, "--mask", tmp_path / "corner.npy", *common)[:2] == (0, f"{expected}\n")
    rows = quantity_rows(expected)
    written = strict(tmp_path / "r.json")
    assert written["quantities"] == rows
    assert (written["n_pixels"], written["n_counts"]) == (expected.n_pixels, expected.n_counts)
    assert written["image"]["sha256"] == prepared[0].info["input"]["sha256"]
    read = table(tmp_path / "r.csv")
    assert [row["component"] for row in read[::2]] == list(prepared[0].names)
    assert [float(row["mean"]) for row in read] == [row["mean"] for row in rows]
    assert read[0]["upper_limit_95"] == (
        "" if rows[0]["upper_limit_95"] is None else str(rows[0]["upper_limit_95"])
    )


def test_a_row_holds_every_number_of_a_quantity(prepared, corner):
    found = bu.region(*prepared, corner)
    for kind, quantity, row in zip(
        ("counts", "fraction"), (found[0].amount, found[0].fraction), quantity_rows(found), strict=False
    ):
        numbers = dataclasses.asdict(quantity)
        numbers["feasible_lower"], numbers["feasible_upper"] = numbers.pop("feasible")
        numbers["upper_limit_95"] = numbers.pop("upper_limit")
        assert row == {
            **numbers,
            "component": found[0].name,
            "quantity": kind,
            "identified": quantity.identified,
        }


def test_fractions(run, film, prepared, corner, tmp_path, strict):
    np.save(tmp_path / "corner.npy", corner)
    expected = bu.phase_fractions(*prepared, interval=0.5, specimen=corner)
    words = ("--interval", 0.5, "--specimen", tmp_path / "corner.npy")
    status, out, _ = run("fractions", film, *words, "--out", tmp_path / "f.csv", "--out", tmp_path / "f.json")
    assert status == 0 and out.startswith(f"{expected}\n")
    assert strict(tmp_path / "f.json")["area_fractions"] == {k: asdict(a) for k, a in expected.areas.items()}
    areas = [row for row in table(tmp_path / "f.csv") if row["quantity"] == "area fraction"]
    for row, (name, area) in zip(areas, expected.areas.items(), strict=True):
        assert row["component"] == name
        assert [float(row[end]) for end in ("mean", "lower", "upper")] == [area.mean, area.lower, area.upper]


def test_identify(run, film, prepared, tmp_path, strict):
    expected = bu.identify(*prepared, confidence=0.9, seed=1)
    words = ("--confidence", 0.9, "--seed", 1, "--out", tmp_path / "ranges.json")
    status, out, _ = run("identify", film, *words)
    assert status == 0
    assert [line.split("  ")[0] for line in out.splitlines()[1:4]] == list(prepared[0].names)
    written = strict(tmp_path / "ranges.json")
    np.testing.assert_array_equal([row["lower"] for row in written["components"]], expected.overall.lower)
    np.testing.assert_array_equal(written["rotations"], expected.rotations)


def test_check_is_silent_or_an_alarm_by_its_exit_status(run, film, prepared, tmp_path, strict):
    expected = bu.check(*prepared, false_alarms=0.02, seed=1)
    files = ("--out", tmp_path / "c.json", "--out", tmp_path / "c.png")
    status, out, err = run("check", film, "--false-alarms", 0.02, "--seed", 1, *files)
    assert (status, err) == (int(expected.alarm), "")
    assert all(sentence in out for sentence in expected.sentences)
    assert strict(tmp_path / "c.json")["significant"] == expected.significant
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_check_exits_with_1_on_an_alarm(run, film, prepared, tmp_path):
    result, _ = prepared
    mean = np.repeat(result.estimate.endmembers.mean(axis=0)[None], 3, axis=0)
    wrong = bu.Unmixing(
        bu.Factorization(mean, result.estimate.abundances), None, result.info, grid=result.grid
    )
    bu.save_result(wrong, tmp_path / "wrong.nc")
    status, out, _ = run("check", tmp_path / "wrong.nc", film.parent / "film.npz")
    assert status == 1 and "ALARM" in out


def test_phase_map(run, film, prepared, tmp_path):
    expected = bu.phase_map(*prepared, at_least=0.95)
    files = ("--out", tmp_path / "p.npz", "--out", tmp_path / "p.png")
    status, out, _ = run("phase-map", film, "--at-least", 0.95, *files)
    assert status == 0
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["labels"], expected.labels)
        np.testing.assert_array_equal(arrays["probability"], expected.probability)
        assert arrays["names"].tolist() == list(prepared[0].names)
        assert arrays["axis_units"].tolist() == [axis.units for axis in prepared[1].axes]
    undecided = next(line for line in out.splitlines() if line.startswith("undecided")).split()
    assert int(undecided[1]) == (expected.labels == -2).sum()
    assert undecided[2] == f"{100 * expected.undecided:.1f}"
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_lines(run, film, prepared, tmp_path):
    expected = bu.line_intensities(*prepared, ["Ni_K", "Cr_K"], interval=0.8, elements=["Ni", "Cr", "Si"])
    words = ("--lines", "Ni_K, Cr_K", "--interval", 0.8, "--elements", "Ni,Cr,Si")
    status, out, _ = run("lines", film, *words, "--out", tmp_path / "l.npz", "--out", tmp_path / "l.png")
    assert status == 0
    with np.load(tmp_path / "l.npz", allow_pickle=False) as arrays:
        assert arrays["names"].tolist() == ["Ni_K", "Cr_K"]
        for end in ("mean", "lower", "upper"):
            np.testing.assert_array_equal(arrays[end][..., 1], getattr(expected["Cr_K"], end))
    highest = expected["Ni_K"].mean.max()
    assert digits(highest) in out.splitlines()[1]
    offset, gain = re.search(r"energy axis: offset ([-+.0-9]+) eV, gain ([.0-9]+)", out).groups()
    assert abs(float(offset)) < 10 and abs(float(gain) - 1) < 0.003
    assert "probably off" not in out
    assert (tmp_path / "l.png").read_bytes().startswith(b"\x89PNG")
    status, out, err = run("lines", film)
    assert (status, out) == (2, "") and "choose from" in err and "Ni_K" in err and "Cr_K" in err


def test_ratios_of_lines(run, film, prepared, tmp_path):
    result, image = prepared
    words = ("--ratio", "Ni_Ka/Cr_Ka", "--ratio", " Cr_Ka / Ni_Ka", "--interval", 0.8)
    status, out, _ = run("lines", film, *words, "--out", tmp_path / "r.npz")
    assert status == 0
    with np.load(tmp_path / "r.npz", allow_pickle=False) as arrays:
        assert arrays["ratios"].tolist() == ["Ni_Ka/Cr_Ka", "Cr_Ka/Ni_Ka"]
        assert arrays["components"].tolist() == list(result.names)
        for k in range(len(result.names)):
            expected = bu.line_ratio(result, image, ("Cr_Ka", "Ni_Ka"), k, interval=0.8)
            for end in ("mean", "lower", "upper"):
                assert arrays[f"ratio_{end}"][1, k] == getattr(expected, end)
    heads = [line for line in out.splitlines() if "80 % interval" in line]
    assert [head.split()[0] for head in heads] == ["Ni_Ka/Cr_Ka", "Cr_Ka/Ni_Ka"]
    status, out, _ = run(
        "lines", film, "--ratio", "Ni_Ka/Cr_Ka", "--assume", "pure=4", "--include", "counting"
    )
    assert status == 0 and out.startswith("assuming that every phase has a pure area of at least 4 pixels")
    both = (
        "--lines",
        "Ni_K",
        "--ratio",
        "Ni_Ka/Cr_Ka",
        "--out",
        tmp_path / "b.npz",
        "--out",
        tmp_path / "b.png",
    )
    assert run("lines", film, *both)[0] == 0
    with np.load(tmp_path / "b.npz", allow_pickle=False) as arrays:
        assert {"names", "mean", "ratios", "ratio_mean"} <= set(arrays.files)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ratio", "Ni_Ka"), "two lines with a slash between them, got 'Ni_Ka'"),
        (("--ratio", "Ni_Ka/Cr_Ka/Si_Ka"), "two lines with a slash"),
        (("--ratio", "Ni_Ka/"), "two lines with a slash"),
        (("--ratio", "Ni_Kx/Cr_Ka"), "line must be one of"),
        (("--lines", "Ni_K", "--assume", "pure=4"), "use it with --ratio"),
        (("--ratio", "Ni_Ka/Cr_Ka", "--out", "only.png"), "name them by --lines"),
    ],
)
def test_ratios_that_cannot_be_given_are_one_sentence(run, film, words, said):
    status, out, err = run("lines", film, *words)
    assert (status, out) == (2, "") and said in err and "\n" not in err.strip()


def test_no_range_is_shown_under_what_the_counts_contradict(run, film, prepared, tmp_path, strict):
    _, image = prepared
    np.save(tmp_path / "flat.npy", np.ones(image.n_channels))
    words = ("--assume", f"spectrum=0:{tmp_path / 'flat.npy'}", "--out", tmp_path / "i.json")
    status, out, _ = run("identify", film, *words)
    assert status == 0 and "The counts contradict that" in out
    for line in out.splitlines()[2:4]:
        assert line.split().count("contradicted") == 2
    assert all(row["lower"] is row["upper"] is None for row in strict(tmp_path / "i.json")["components"])


def test_denoise(run, film, prepared, corner, tmp_path):
    result, image = prepared
    for where, words in (((3, 17), ("--pixel", "3,17")), (corner, ("--box", "2:,0:10"))):
        expected = bu.denoised(result, image, where, interval=0.8, seed=2)
        files = ("--out", tmp_path / "d.csv", "--out", tmp_path / "d.png", "--overwrite")
        status, out, _ = run("denoise", film, *words, "--interval", 0.8, "--seed", 2, *files)
        assert status == 0
        rows = table(tmp_path / "d.csv")
        for name in ("mean", "lower", "upper"):
            np.testing.assert_allclose([float(row[name]) for row in rows], getattr(expected, name), rtol=1e-8)
        counts = np.atleast_2d(image.dense()[where]).reshape(-1, image.n_channels).sum(axis=0)
        np.testing.assert_array_equal([float(row["counts"]) for row in rows], counts)
        assert out.startswith(f"{counts.sum()} counts measured")
        # One pixel shows hardly a peak of its own, so the table has those of the map.
        assert [row.split()[0] for row in out.splitlines()[2:5]] == ["Si", "Cr", "Ni"]
        assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_is_written_whole_or_not_at_all(run, film, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    old = tmp_path / "phases.npz"
    old.write_bytes(b"old")
    monkeypatch.setattr(np, "savez_compressed", interrupted)
    status, _, err = run("phase-map", film, "--out", old, "--overwrite")
    assert status == 130 and "interrupted" in err
    assert old.read_bytes() == b"old" and list(tmp_path.iterdir()) == [old]

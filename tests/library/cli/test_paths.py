"""Names of files: `~` is home, and no name is a pattern."""

import os
import shutil

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.cli.asked import asking
from bayesunmix.io.digest import sha256
from bayesunmix.running.home import at_home
from tests.library.test_io import save, signal


@pytest.fixture
def counts():
    return np.random.default_rng(3).poisson(1, (4, 5, 60)).astype(np.uint16)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["map", "map [1]", "map*", "ma?", "[ab]", "map.2", "map [1", "é ]["])
@pytest.mark.parametrize("suffix", ["raw", "RAW"])
def test_the_digest_covers_the_counts_of_a_ripple_file(counts, tmp_path, name, suffix):
    save(tmp_path / "one.rpl", signal(counts))
    rpl, raw = tmp_path / f"{name}.rpl", tmp_path / f"{name}.{suffix}"
    (tmp_path / "one.rpl").rename(rpl)
    (tmp_path / "one.raw").rename(raw)
    before = sha256(rpl)
    for other in ("map [2].raw", "mapx.raw", f"{name}.old.raw", f"{name}.txt", "a.raw"):
        (tmp_path / other).write_bytes(b"another map")
    assert sha256(rpl) == before, "files of another map do not count"
    content = bytearray(raw.read_bytes())
    content[-1] ^= 1
    raw.write_bytes(content)
    assert sha256(rpl) != before


def test_of_two_raw_files_the_one_that_is_read_counts(counts, tmp_path):
    path = save(tmp_path / "map.rpl", signal(counts))
    before = sha256(path)
    try:
        with (tmp_path / "map.RAW").open("xb") as file:
            file.write((tmp_path / "map.raw").read_bytes()[::-1])
    except FileExistsError:
        pytest.skip("this file system does not tell upper from lower case")
    np.testing.assert_array_equal(bu.read(path, None).dense(), counts)
    assert sha256(path) == before


@pytest.mark.parametrize("name", ["map [1].zspy", "map*.zspy"])
def test_the_digest_covers_every_file_of_a_folder(counts, tmp_path, name):
    path = save(tmp_path / "map.zspy", signal(counts)).rename(tmp_path / name)
    digests = {sha256(path)}
    for part in [part for part in sorted(path.rglob("*")) if part.is_file()]:
        content = part.read_bytes()
        part.write_bytes(content + b"!")
        digests.add(sha256(path))
        part.write_bytes(content)
    assert len(digests) == 1 + sum(part.is_file() for part in path.rglob("*"))


@pytest.mark.parametrize("name", ["map [1]", "map*", "a?b"])
def test_a_map_whose_name_looks_like_a_pattern_is_unmixed_and_asked(run, counts, tmp_path, name):
    path = save(tmp_path / "one.rpl", signal(counts)).rename(tmp_path / f"{name}.rpl")
    (tmp_path / "one.raw").rename(tmp_path / f"{name}.raw")
    request = "--components", 1, "--method", "cli_probe", "--out", tmp_path / f"{name} out"
    assert run("unmix", path, *request)[0] == 0
    with asking(tmp_path / f"{name} out", path) as asked:
        np.testing.assert_array_equal(asked.image.dense(), bu.read(path).dense())
    raw = bytearray((tmp_path / f"{name}.raw").read_bytes())
    raw[-2] ^= 1
    (tmp_path / f"{name}.raw").write_bytes(raw)
    status, _, err = run("fractions", tmp_path / f"{name} out", path)
    assert status == 2 and "is not the file that was unmixed" in err


def test_home_in_the_library(home, counts):
    image = bu.SpectrumImage(counts, 1 + 0.01 * np.arange(60))
    bu.write(image, "~/map.npz")
    np.save(home / "mask.npy", np.arange(20).reshape(4, 5) > 3)
    again = bu.read("~/map.npz", mask="~/mask.npy")
    np.testing.assert_array_equal(again.mask, np.load(home / "mask.npy"))
    result = bu.unmix(image, 1, "nmf")
    bu.save_result(result, "~/result.nc")
    assert bu.load_result("~/result.nc").names == result.names
    from bayesunmix.report import write_report

    write_report("~/page.html", result, image, source="~/map.npz")
    assert sha256(home / "map.npz") in (home / "page.html").read_text(encoding="utf-8")
    assert not os.path.exists("~")


def test_home_for_checkpoints(home, counts):
    from bayesunmix.engine.device.threefry import random_key
    from bayesunmix.engine.sampling.chains import checkpoint

    image = bu.SpectrumImage(counts, 1 + 0.01 * np.arange(60))
    assert checkpoint("~/run", image, None, random_key(0)).path == home / "run"


def test_home_at_the_command_line(run, film, home, tmp_path):
    shutil.copytree(film, home / "film")
    shutil.copy(film.parent / "film.npz", home / "film.npz")
    shutil.copy(film.parent / "mask.npy", home / "mask.npy")
    request = "--components", 2, "--method", "cli_probe", "--mask=~/mask.npy", "--crop-below", 1.5
    assert run("unmix", "~/film.npz", "--out=~/out", *request)[0] == 0
    assert run("rank", "~/film.npz", "--mask=~/mask.npy", "--most", 2, "--out=~/rank", "--quiet")[0] == 0
    for words in (
        ("check", "~/film", "--out=~/check.png", "--out=~/check.json"),
        ("region", "~/film", "~/film.npz", "--mask=~/mask.npy", "--out=~/region.csv"),
        ("phase-map", "~/film", "--specimen=~/mask.npy", "--out=~/phases.npz"),
        ("report", "~/film", "--out=~/page.html"),
    ):
        assert run(*words)[0] in (0, 1), words
    made = {"out", "rank", "check.png", "check.json", "region.csv", "phases.npz", "page.html"}
    assert made <= {path.name for path in home.iterdir()}
    assert not os.path.exists("~")


def test_a_tilde_that_names_nobody_is_a_name(tmp_path):
    assert at_home("~nobody-of-this-name/map.npz").parts[0] == "~nobody-of-this-name"
    assert at_home(tmp_path / "a~b.npz") == tmp_path / "a~b.npz"

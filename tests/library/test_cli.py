"""The command line: a request gives files, a mistake one sentence and nothing else."""

import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix import cli
from bayesunmix.io.folder import new_folder

FILES = {"endmembers.csv", "abundances.npz", "maps.png", "spectra.png", "summary.json"}


@dataclass(frozen=True)
class Probe:
    """Splits every pixel's counts evenly; with `mode` it misbehaves in one of the ways a method can."""

    mode: str = ""

    def fit(self, image, n_components, key):
        if Probe.fails is not None:
            raise Probe.fails
        shares = np.random.default_rng(1).dirichlet(np.ones(image.n_channels), n_components)
        totals = image.total_map().reshape(-1, 1) / n_components
        info = {
            "converged": False,
            "warnings": ["no good"],
            "objective": [np.float32(2.5), np.nan],
            "odd": {1, 2},
        }
        estimate = bu.Factorization(shares, np.repeat(totals, n_components, axis=1))
        posterior = None
        if Probe.draws:
            noise = np.random.default_rng(2).gamma(50, 1 / 50, (2, 9, 1, 1))
            posterior = bu.Posterior(shares * noise, estimate.abundances * noise, calibrated=False)
        return bu.Unmixing(estimate, posterior, info)


@pytest.fixture(autouse=True)
def probe(monkeypatch):
    # Taken out again after each test, so that no other test meets it among the methods.
    monkeypatch.setitem(bu.METHODS._members, "cli_probe", Probe)
    monkeypatch.setattr(Probe, "fails", None, raising=False)
    monkeypatch.setattr(Probe, "draws", False, raising=False)


@pytest.fixture
def file(tmp_path):
    counts = np.random.default_rng(0).poisson(2, (3, 4, 30))
    path = tmp_path / "map.npz"
    axes = (bu.Axis("y", 2.0, "nm"), bu.Axis("x", 2.0, "nm"))
    bu.write(bu.SpectrumImage(counts, 0.105 + 0.01 * np.arange(30), axes=axes), path)
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["bayesunmix", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def unmix(run, file, tmp_path):
    def call(*more, source=file, components=2, method="cli_probe"):
        request = ("--components", components, "--method", method, "--out", tmp_path / "out")
        return run("unmix", source, *request, *more)

    return call


def strict(path):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_request_gives_every_file(unmix, file, tmp_path):
    status, out, err = unmix("--seed", 7)
    assert status == 0
    assert "NOT converged" in out
    assert "no good" in out
    assert "cropped below 0.2 keV" in err
    assert {p.name for p in (tmp_path / "out").iterdir()} == FILES
    image = bu.read(file)
    table = np.genfromtxt(tmp_path / "out" / "endmembers.csv", delimiter=",", names=True)
    assert table.dtype.names == ("energy_kev", "component_0", "component_1")
    np.testing.assert_allclose(table["energy_kev"], image.energy_kev)
    assert table["component_0"].sum() == pytest.approx(1)
    with np.load(tmp_path / "out" / "abundances.npz", allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["abundances"].sum(axis=-1), image.total_map())
        assert arrays["axis_names"].tolist() == ["y", "x"]
        assert "lower" not in arrays


def test_the_summary_is_strict_and_complete(unmix, file, tmp_path):
    import hashlib

    unmix("--seed", 7)
    summary = strict(tmp_path / "out" / "summary.json")
    assert summary["input"]["name"] == "map.npz"
    assert summary["input"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert summary["input"]["shape"] == [3, 4, 30]
    assert summary["input"]["counts"] == bu.read(file, None).n_photons
    assert summary["crop"]["channels"] == 10
    assert summary["crop"]["counts"] == bu.read(file, None).n_photons - bu.read(file).n_photons
    assert (summary["method"], summary["n_components"], summary["seed"]) == ("cli_probe", 2, 7)
    assert summary["settings"] == {"mode": ""}
    assert summary["objective"] == [2.5, None]
    assert summary["converged"] is False
    assert summary["warnings"] == ["no good"]
    assert {"read", "fit", "compile"} <= set(summary["seconds"])
    assert summary["peak_mib"] > 0
    assert {"python", "bayesunmix", "jax"} <= set(summary["versions"])
    assert summary["device"]


def test_a_posterior_adds_intervals(unmix, tmp_path, monkeypatch):
    monkeypatch.setattr(Probe, "draws", True)
    assert unmix()[0] == 0
    folder = tmp_path / "out"
    assert {p.name for p in folder.iterdir()} == FILES | {"endmember_interval.csv"}
    with np.load(folder / "abundances.npz") as arrays:
        assert arrays["interval"] == 0.9
        assert arrays["lower"].shape == arrays["upper"].shape == (3, 4, 2)
        assert (arrays["lower"] < arrays["upper"]).all()
    bounds = np.genfromtxt(folder / "endmember_interval.csv", delimiter=",", names=True)
    assert (bounds["component_1_lower"] < bounds["component_1_upper"]).all()
    assert strict(folder / "summary.json")["posterior"] == {"chains": 2, "draws": 9, "calibrated": False}


def test_no_crop_and_quiet(unmix, tmp_path):
    status, out, err = unmix("--no-crop", "--quiet")
    assert (status, out, err) == (0, "", "")
    assert strict(tmp_path / "out" / "summary.json")["crop"] is None


def test_a_mask_is_read_said_and_written(unmix, file, tmp_path):
    mask = np.arange(12).reshape(3, 4) % 4 != 0
    np.save(tmp_path / "mask.npy", mask)
    assert unmix("--mask", tmp_path / "mask.npy")[0] == 0
    image = bu.read(file).within(mask)
    summary = strict(tmp_path / "out" / "summary.json")
    assert summary["input"]["pixels_taking_part"] == 9
    with np.load(tmp_path / "out" / "abundances.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["mask"], mask)
        np.testing.assert_allclose(arrays["abundances"].sum(axis=-1), image.total_map())


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no file"), (b"not an array", "must be a .npy file"), ("transposed", "shape (3, 4)")],
)
def test_a_mask_that_does_not_fit_is_one_sentence(unmix, tmp_path, content, said):
    path = tmp_path / "mask.npy"
    if content == "transposed":
        np.save(path, np.ones((4, 3), bool))
    elif content is not None:
        path.write_bytes(content)
    status, _, err = unmix("--mask", path)
    assert status == 2 and said in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_mistakes_get_one_sentence_and_leave_nothing(unmix, file, tmp_path):
    def refused(said, *more, **changes):
        status, out, err = unmix(*more, **changes)
        assert (status, out) == (2, "")
        lines = [line for line in err.splitlines() if not line.startswith("note: ")]
        assert len(lines) == 1, err
        assert lines[0].startswith("bayesunmix: ")
        assert said in lines[0]
        assert sorted(p.name for p in tmp_path.iterdir()) == before

    truncated, words = tmp_path / "short.npz", tmp_path / "words.txt"
    truncated.write_bytes(file.read_bytes()[:200])
    words.write_text("counts", encoding="utf-8")
    before = sorted(p.name for p in tmp_path.iterdir())
    refused("there is no file", source=tmp_path / "missing.bcf")
    refused("is a folder", source=tmp_path)
    refused("damaged", source=truncated)
    refused("cannot read 'words.txt'", source=words)
    refused("did you mean 'nmf'", method="nfm")
    refused("at least 1, got 0", components=0)
    refused("at most 12", components=13)
    refused("seed must be a whole number", "--seed", -1)
    refused("no channel lies between", "--crop-below", 5)


def test_mistakes_in_the_request_are_found_before_the_file_is_read(unmix, tmp_path, monkeypatch):
    monkeypatch.setattr("bayesunmix.io.read", lambda *_, **__: pytest.fail("the file was read"))
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert unmix(method="nfm")[0] == 2
    assert unmix(components=0)[0] == 2
    assert unmix("--seed", -1)[0] == 2
    assert "is a file" in unmix("--out", blocked)[2]
    assert "cannot make the folder" in unmix("--out", blocked / "out")[2]


def test_typer_mistakes_are_short(run):
    for words in (
        ["unmix"],
        ["unmix", "a.bcf", "--components", "two", "--out", "x"],
        ["nothing"],
        ["--nothing"],
    ):
        status, _, err = run(*words)
        assert status == 2
        assert len(err.strip().splitlines()) <= 4
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no"), 2), (KeyboardInterrupt(), 130), (MemoryError(), 2)]
)
def test_a_method_that_ends_early_leaves_nothing(unmix, tmp_path, monkeypatch, error, status):
    monkeypatch.setattr(Probe, "fails", error)
    before = sorted(tmp_path.iterdir())
    code, out, err = unmix("--quiet")
    assert (code, out) == (status, "")
    assert err.splitlines()[-1].startswith("bayesunmix: ")
    assert sorted(tmp_path.iterdir()) == before


def test_overwrite(unmix, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert unmix("--seed", 1)[0] == 0
    status, _, err = unmix("--seed", 2)
    assert status == 2
    assert "--overwrite" in err
    monkeypatch.setattr(Probe, "fails", KeyboardInterrupt())
    assert unmix("--seed", 2, "--overwrite")[0] == 130
    assert strict(out / "summary.json")["seed"] == 1
    monkeypatch.setattr(Probe, "fails", None)
    assert unmix("--seed", 2, "--overwrite")[0] == 0
    assert strict(out / "summary.json")["seed"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.npz", "out"]


def test_overwrite_never_takes_a_folder_that_is_not_ours(unmix, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years", encoding="utf-8")
    status, _, err = unmix("--overwrite")
    assert status == 2
    assert "holds other files" in err
    assert (tmp_path / "out" / "thesis.tex").exists()


def test_an_interrupt_between_the_two_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    out = tmp_path / "deep" / "out"
    with new_folder(out) as folder:
        (folder / "summary.json").write_text("old", encoding="utf-8")
    rename = type(out).rename

    def interrupted(self, target):
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(type(out), "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), new_folder(out, overwrite=True) as folder:
        (folder / "summary.json").write_text("new", encoding="utf-8")
    assert (out / "summary.json").read_text(encoding="utf-8") == "old"
    assert list(out.parent.iterdir()) == [out]


def test_methods_lists_every_method_with_a_line(run):
    status, out, _ = run("methods")
    assert status == 0
    listed = [line.split(maxsplit=1) for line in out.splitlines()]
    assert [name for name, _ in listed] == list(bu.METHODS)


def test_version(run):
    assert run("--version")[:2] == (0, f"bayesunmix {bu.__version__}\n")


def test_help_in_a_process_of_its_own_imports_nothing_heavy():
    code = "import sys; from bayesunmix.cli import main\ntry: main()\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "unmix" in done.stdout
    assert not {"jax", "matplotlib", "sklearn", "rsciio", "pandas"} & set(done.stdout.split())


def test_a_mistake_in_a_process_of_its_own(tmp_path):
    words = ["unmix", str(tmp_path / "missing.hspy"), "--components", "2", "--out", str(tmp_path / "out")]
    code = "from bayesunmix.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"bayesunmix: there is no file {words[1]!r}; check the name and the folder\n"
    assert list(tmp_path.iterdir()) == []


def test_rank_prints_the_recommendation_and_writes_its_evidence(run, file, tmp_path, monkeypatch):
    monkeypatch.setattr("bayesunmix.dimension.rank.relevant_components", lambda image, most, seed: 1)
    code, out, _ = run("rank", file, "--out", tmp_path / "rank", "--no-crop")
    assert code == 0 and out.splitlines()[-1].startswith("1 component")
    assert {path.name for path in (tmp_path / "rank").iterdir()} == {"scree.png", "summary.json"}
    summary = strict(tmp_path / "rank" / "summary.json")
    assert summary["n_components"] == 1 and summary["sentence"] == out.splitlines()[-1]
    assert run("rank", file, "--quiet", "--no-crop")[1] == out.splitlines()[-1] + "\n"


def test_rank_refuses_in_one_sentence_and_writes_nothing(run, file, tmp_path):
    code, out, err = run("rank", file, "--most", 0, "--out", tmp_path / "rank")
    assert (code, out) == (2, "") and "most must be a whole number of components, at least 1, got 0" in err
    assert not (tmp_path / "rank").exists()

"""`bayesunmix unmix`: a request gives files, a mistake one sentence and nothing else."""

import numpy as np
import pytest

import bayesunmix as bu

FILES = {"endmembers.csv", "abundances.npz", "maps.png", "spectra.png", "result.nc", "summary.json"}


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


def test_the_result_is_saved_whole(unmix, tmp_path, probe, monkeypatch):
    monkeypatch.setattr(probe, "draws", True)
    unmix("--seed", 7)
    result = bu.load_result(tmp_path / "out" / "result.nc")
    with np.load(tmp_path / "out" / "abundances.npz") as arrays:
        np.testing.assert_array_equal(result.estimate.abundances.reshape(3, 4, 2), arrays["abundances"])
    assert result.posterior.endmembers.shape == (2, 9, 2, 20)
    assert (result.info["seed"], result.grid.shape) == (7, (3, 4, 20))


def test_without_a_number_it_is_found_and_said(run, file, tmp_path, strict, monkeypatch):
    monkeypatch.setattr("bayesunmix.dimension.rank.relevant_components", lambda image, most, seed: 1)
    status, out, _ = run("unmix", file, "--method", "cli_probe", "--no-crop", "--out", tmp_path / "out")
    summary = strict(tmp_path / "out" / "summary.json")
    assert (status, summary["n_components"]) == (0, 1)
    assert summary["rank"].startswith("1 component")
    assert f"rank       {summary['rank']}" in out.splitlines()


def test_warnings_are_lines_once_and_stay_in_the_summary(unmix, tmp_path, strict, recwarn):
    status, out, err = unmix()
    assert status == 0
    assert [line for line in out.splitlines() if "no good" in line] == [
        "warning: cli_probe did not converge. no good"
    ]
    assert "UserWarning" not in err and "no good" not in err
    assert not [warning for warning in recwarn if issubclass(warning.category, bu.UnmixingWarning)]
    assert strict(tmp_path / "out" / "summary.json")["warnings"] == ["no good"]


def test_the_summary_is_strict_and_complete(unmix, file, tmp_path, strict):
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


def test_a_posterior_adds_intervals(unmix, tmp_path, monkeypatch, strict, probe):
    monkeypatch.setattr(probe, "draws", True)
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


def test_no_crop_and_quiet(unmix, tmp_path, strict):
    status, out, err = unmix("--no-crop", "--quiet")
    assert (status, out, err) == (0, "", "")
    assert strict(tmp_path / "out" / "summary.json")["crop"] is None


def test_a_mask_is_read_said_and_written(unmix, file, tmp_path, strict):
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


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no"), 2), (KeyboardInterrupt(), 130), (MemoryError(), 2)]
)
def test_a_method_that_ends_early_leaves_nothing(unmix, tmp_path, monkeypatch, error, status, probe):
    monkeypatch.setattr(probe, "fails", error)
    before = sorted(tmp_path.iterdir())
    code, out, err = unmix("--quiet")
    assert (code, out) == (status, "")
    assert err.splitlines()[-1].startswith("bayesunmix: ")
    assert sorted(tmp_path.iterdir()) == before


def test_what_an_interrupted_method_found_is_written(unmix, tmp_path, monkeypatch, probe, strict):
    monkeypatch.setattr(probe, "interrupted", True)
    status, out, err = unmix()
    assert status == 130 and "NOT converged" in out
    assert (
        err.splitlines()[-1]
        == f"bayesunmix: interrupted; what was found until then is in {str(tmp_path / 'out')!r}"
    )
    assert strict(tmp_path / "out" / "summary.json")["interrupted"] is True

"""`bayesunmix rank`."""

import numpy as np

import bayesunmix as bu


def test_rank_prints_the_recommendation_and_writes_its_evidence(run, file, tmp_path, monkeypatch, strict):
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


def test_a_pixel_that_dominates_is_said(run, tmp_path, strict):
    counts = np.random.default_rng(0).poisson(2, (6, 7, 30))
    counts[2, 3] *= 1000
    bu.write(bu.SpectrumImage(counts, 1 + 0.01 * np.arange(30)), tmp_path / "map.npz")
    status, _, err = run("rank", tmp_path / "map.npz", "--out", tmp_path / "rank", "--quiet")
    assert status == 0 and "warning: One pixel (y 2, x 3) holds" in err
    assert strict(tmp_path / "rank" / "summary.json")["warnings"][0].startswith("One pixel (y 2, x 3)")
    request = "--components", 1, "--method", "cli_probe", "--out", tmp_path / "out"
    status, out, _ = run("unmix", tmp_path / "map.npz", *request)
    assert status == 0 and "warning: One pixel (y 2, x 3) holds" in out
    assert strict(tmp_path / "out" / "summary.json")["warnings"][0].startswith("One pixel (y 2, x 3)")

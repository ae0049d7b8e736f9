"""`bayesunmix rank`."""


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

"""The command line: mistakes are one sentence and exit status 2."""

import sys

import pytest

from benchmarks.__main__ import main


def call(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "quik"], "unknown suite 'quik': did you mean 'quick'?"),
        (["run", "quick", "--only", "method=nfm"], "unknown method of suite quick 'nfm': did you mean 'nmf'"),
        (["run", "quick", "--only", "dose=7"], "unknown dose of suite quick '7'"),
        (
            ["run", "quick", "--only", "nmf"],
            "--only must be KEY=A,B with KEY one of phantom, dose, seed, method",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(monkeypatch, capsys, tmp_path, arguments, sentence):
    out = tmp_path / "out"
    code, _, err = call(monkeypatch, capsys, *arguments, "--out", out)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert not out.exists()


def test_a_report_of_nothing_is_a_mistake(monkeypatch, capsys, tmp_path):
    code, _, err = call(monkeypatch, capsys, "report", tmp_path)
    assert code == 2
    assert "holds no results" in err


def test_the_calibration_report_is_of_the_folder_named(monkeypatch, capsys, tmp_path):
    out = tmp_path / "out"
    code, _, err = call(monkeypatch, capsys, "calibration-report", tmp_path, "--out", out)
    assert code == 2 and "holds no rows of a calibration" in err and not out.exists()
    columns = "phantom,dose,seed,truth,recommended,scree,held_out,relevance"
    (tmp_path / "rank.csv").write_text(f"{columns}\nnull,5.0,0,1,1,1,1,1\n", encoding="utf-8")
    code, printed, _ = call(monkeypatch, capsys, "calibration-report", tmp_path, "--out", out)
    assert code == 0 and printed.count("wrote") == 3
    assert "null: the number of materials is right in 1 of 1 trials" in (out / "report.html").read_text(
        encoding="utf-8"
    )


def test_list_names_the_members(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "list")
    assert code == 0
    for name in ("quick", "nicr_film", "nmf", "oracle_endmembers", "spectral_angle"):
        assert name in out


def test_a_run_prints_the_ranking_and_what_it_wrote(load_tiny, write_suite, monkeypatch, capsys, tmp_path):
    load_tiny("stub_guess")
    arguments = ["--only", "dose=10", "--only", "seed=0", "--only", "method=stub_guess"]
    code, out, _ = call(
        monkeypatch, capsys, "run", write_suite(tmp_path, "stub_guess"), "--out", tmp_path / "out", *arguments
    )
    assert code == 0
    assert "stub_guess" in out
    assert "Mean rank" in out
    for name in ("records.csv", "report.html", "figures"):
        assert f"wrote {tmp_path / 'out' / name}" in out.replace("\n", "")

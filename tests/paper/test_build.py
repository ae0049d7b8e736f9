"""It is built from results alone: the same ones give the same bytes, a changed cell another PDF, a lost row none."""

import json
import re
import shutil
import sys

import pandas as pd
import pytest

from benchmarks.published import RESULTS
from paper.__main__ import main
from paper.build import FIGURES, build
from paper.evidence import Results
from paper.tables import tables

pytest.importorskip("typst", reason="the extra paper is not installed")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The folder of a build from the published results."""
    return build(RESULTS, tmp_path_factory.mktemp("first")).parent


@pytest.fixture
def results(tmp_path):
    """A copy of the published results that a test may spoil."""
    return shutil.copytree(RESULTS, tmp_path / "results")


def spoil(path, change):
    rows = pd.read_csv(path, keep_default_na=False, dtype=str)
    change(rows).to_csv(path, index=False)


def test_a_pdf_and_all_it_is_made_from_are_there(first):
    assert (first / "paper.pdf").read_bytes().startswith(b"%PDF")
    assert len((first / "paper.pdf").read_bytes()) > 200_000
    assert {path.stem for path in first.glob("*.svg")} == set(FIGURES)
    assert len(json.loads((first / "claims.json").read_text(encoding="utf-8"))) > 80


def test_two_builds_are_byte_identical(first, tmp_path):
    again = build(RESULTS, tmp_path / "again").parent
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    assert [name for name in names if (first / name).read_bytes() != (again / name).read_bytes()] == []


def test_a_changed_cell_changes_the_pdf(first, results, tmp_path):
    def change(rows):
        at = rows.index[(rows["case"] == "core_shell") & (rows["fact"] == "Fe_Ka/Pt_La")][0]
        rows.loc[at, "value"] = "0.69"
        return rows

    spoil(results / "real.csv", change)
    changed = build(results, tmp_path / "out")
    assert changed.read_bytes() != (first / "paper.pdf").read_bytes()
    assert json.loads((tmp_path / "out" / "claims.json").read_text(encoding="utf-8"))["core_ratio"] == "0.69"


@pytest.mark.parametrize("name", sorted(path.name for path in RESULTS.glob("*.csv")))
def test_the_smallest_change_of_any_file_is_seen(results, name):
    """Numbers are rounded, and so the digest of each file is printed."""
    before = tables(Results(results))["made"]
    text = (results / name).read_text(encoding="utf-8")
    *_, last = re.finditer(r"\d", text)
    changed = "1" if last[0] == "2" else "2"
    (results / name).write_text(text[: last.start()] + changed + text[last.end() :], encoding="utf-8")
    after = tables(Results(results))["made"]
    assert [row[0] for row, other in zip(before, after, strict=True) if row != other] == [name]


def test_a_lost_row_stops_the_build_with_the_name_of_the_number(results, tmp_path, capsys):
    spoil(results / "rank.csv", lambda rows: rows[rows["phantom"] != "grains"])
    assert main(["--results", str(results), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert 'claim "grains_truth" has no number: no row of rank.csv has phantom = grains' in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "paper.pdf").exists()


@pytest.mark.parametrize("name", sorted(path.name for path in RESULTS.glob("*.csv")))
def test_a_lost_file_stops_the_build_with_the_name_of_the_number(results, tmp_path, name):
    (results / name).unlink()
    sentence = rf'claim "\w+" has no number: there is no file {re.escape(name)} among the results'
    with pytest.raises(ValueError, match=sentence):
        build(results, tmp_path / "out")


def test_a_lost_row_of_a_figure_stops_the_build_with_the_name_of_the_figure(results, tmp_path):
    spoil(results / "real.csv", lambda rows: rows[rows["fact"] != "range of carbon"])
    with pytest.raises(ValueError, match='figure "told" cannot be drawn'):
        build(results, tmp_path / "out")


def test_a_lost_column_stops_the_build_with_the_name_of_the_number(results, tmp_path):
    spoil(results / "checks.csv", lambda rows: rows.drop(columns="alarm"))
    with pytest.raises(ValueError, match=r'claim "\w+" has no number: .*alarm'):
        build(results, tmp_path / "out")


def test_without_typst_a_sentence_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "typst", None)
    assert main(["--out", str(tmp_path)]) == 1
    assert "the extra paper" in capsys.readouterr().err

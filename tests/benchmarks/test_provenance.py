"""The hash of the code: it changes with what decides a cell's score, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from benchmarks import provenance

ROOT = Path(__file__).parents[2]
EVERY = {"nmf", "pca", "espm_nmf", "mean_spectrum", "oracle_endmembers"}
PARTS = ("bayesunmix", "simulations", "benchmarks", "requirements")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", "results"))
    return root


def digests(root: Path, monkeypatch) -> dict[str, str]:
    monkeypatch.setattr(provenance, "_ROOT", root)
    cells = {"nmf": ("method", "nmf"), "pca": ("method", "pca"), "espm_nmf": ("peer", "espm_nmf", "espm")}
    cells |= {name: ("bound", name) for name in ("mean_spectrum", "oracle_endmembers")}
    found = {}
    for name, cell in cells.items():
        provenance.code_digest.cache_clear()
        found[name] = provenance.code_digest(*cell)
    provenance.code_digest.cache_clear()
    return found


@pytest.mark.parametrize(
    ("file", "of"),
    [
        ("bayesunmix/methods/nmf.py", {"nmf"}),
        ("bayesunmix/methods/a_new_one.py", set()),
        ("bayesunmix/methods/_point_fit.py", EVERY),
        ("bayesunmix/methods/_a_new_helper.py", EVERY),
        ("bayesunmix/plotting/maps.py", set()),
        ("bayesunmix/data/display/words.py", set()),
        ("benchmarks/peers/espm_nmf.py", {"espm_nmf"}),
        ("benchmarks/peers/a_new_one.py", set()),
        ("benchmarks/peer_process.py", {"espm_nmf"}),
        ("requirements/espm.txt", {"espm_nmf"}),
        ("requirements/geom_nmf.txt", set()),
        ("benchmarks/baselines/mean_spectrum.py", {"mean_spectrum"}),
        ("benchmarks/reporting/report.py", set()),
        ("benchmarks/metrics/deviance.py", EVERY),
        ("bayesunmix/engine/fits/em.py", EVERY),
    ],
)
def test_a_changed_file_changes_the_cells_that_it_decides(checkout, monkeypatch, file, of):
    before = digests(checkout, monkeypatch)
    path = checkout / file
    content = path.read_bytes() if path.is_file() else None
    path.write_bytes((content or b"") + b"\nchanged = 1\n")
    after = digests(checkout, monkeypatch)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert {name for name in before if before[name] != after[name]} == of


def test_words_decide_nothing(checkout, monkeypatch):
    before = digests(checkout, monkeypatch)
    path = checkout / "bayesunmix/engine/fits/em.py"
    content = path.read_text(encoding="utf-8")
    first = content.index('"""')
    path.write_text(
        content[:first] + '"""Other words,\n\nin more lines.' + content[first + 3 :] + "\n# And here.\n"
    )
    after = digests(checkout, monkeypatch)
    path.write_text(content, encoding="utf-8")
    assert after == before


def test_a_method_of_a_suites_own_counts(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("a = 1\n")
    assert provenance.code_digest("method", "mine", "", (mine,)) != provenance.code_digest("method", "mine")

"""The README is short and true: its example prints what it says, its table is published, its links lead somewhere."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from benchmarks.reporting.readme_table import write_readme

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def numbers(text):
    return np.array([float(number) for number in NUMBER.findall(text)])


def words(text):
    return NUMBER.sub("#", text).split()


@pytest.fixture(scope="module")
def example():
    """Names of the README's example after it has run, and what it printed."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.warns(bu.NotIdentifiedWarning):
        exec(compile(blocks("python")[0], "README.md", "exec"), names)
    return names, printed.getvalue()


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120


def test_the_example_is_short():
    assert len([line for line in blocks("python")[0].splitlines() if line.strip()]) <= 12


def test_the_example_prints_what_the_readme_shows(example):
    _, printed = example
    (shown,) = blocks("text")
    assert words(printed) == words(shown)
    # Other machines round otherwise, and draws then differ by their own noise.
    np.testing.assert_allclose(numbers(printed), numbers(shown), rtol=0.02, atol=0.001)


def test_the_example_finds_the_truth(example):
    names, _ = example
    result, lower, upper = (names[name] for name in ("result", "lower", "upper"))
    order = bu.match(names["peaks"], result.estimate.endmembers)
    truth = names["peaks"] / names["peaks"].sum(axis=1, keepdims=True)
    assert np.diagonal(bu.spectral_angles(truth, result.estimate.endmembers[order])).max() < 5
    assert (lower.abundances <= upper.abundances).all()
    for share in result.info["fractions"].values():
        assert abs(share["mean"] - 1 / 3) < share["feasible_half_width"]
        assert share["identified"] == "no"


def test_the_table_of_results_is_the_published_one():
    assert not write_readme(check=True), "run: python -m benchmarks readme"


def test_make_targets_in_the_readme_exist():
    targets = re.findall(r"^make (\w+)", README, flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"test", "benchmark"} <= set(targets)
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_links_lead_somewhere_in_the_repository():
    links = re.findall(r"\]\(([^)#]+)", README) + re.findall(r'src="([^"]+)"', README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_pictures_in_the_readme_are_small():
    pictures = [ROOT / name for name in re.findall(r'src="([^"]+)"', README)]
    assert pictures
    assert all(0 < picture.stat().st_size < 2**20 for picture in pictures)

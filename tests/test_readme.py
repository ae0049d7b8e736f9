"""The README is true: its code runs, its commands exist, its table of methods is the registry's."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.method import METHODS
from benchmarks.reporting.readme_table import write_readme
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_example_runs_and_is_short(capsys):
    example = blocks("python")[0]
    assert len([line for line in example.splitlines() if line.strip()]) <= 12
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["(2304, 3)", "True"]
    told = "the counts do not tell how much component"
    assert len(printed) == 5 and all(sentence.startswith(told) for sentence in printed[2:])
    result, lower, upper = (names[name] for name in ("result", "lower", "upper"))
    order = bu.match(names["peaks"], result.estimate.endmembers)
    truth = names["peaks"] / names["peaks"].sum(axis=1, keepdims=True)
    assert np.diagonal(bu.spectral_angles(truth, result.estimate.endmembers[order])).max() < 5
    assert (lower.abundances <= upper.abundances).all()


def test_the_method_in_one_file_works(monkeypatch):
    names = {"__name__": "mine"}
    monkeypatch.setattr(METHODS, "_members", dict(METHODS._members))
    (snippet,) = [block for block in blocks("python") if "METHODS.register" in block]
    exec(compile(snippet, "README.md", "exec"), names)
    trial = acquire(PHANTOMS["nicr_film"](shape=(16, 64)), 5, 0)
    result = bu.unmix(trial.image, 2, "mine")
    assert result.estimate.abundances.sum() == pytest.approx(trial.image.n_photons)


def test_the_needle_of_the_readme_is_the_series_of_the_talk():
    names = {}
    (snippet,) = [block for block in blocks("python") if "nicr_needle" in block]
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["trial"].image.shape == (73, 124, 165, 900)
    assert names["trial"].image.n_photons == pytest.approx(12e6, rel=0.05)


def test_the_table_of_methods_is_the_registry():
    table = README.split("## Methods")[1].split("##")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == sorted(METHODS)


def test_the_table_of_results_is_the_published_one():
    assert not write_readme(check=True), "run: python -m benchmarks readme"


def test_make_targets_in_the_readme_exist():
    targets = re.findall(r"^make (\w+)", README, flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_pictures_in_the_readme_are_there_and_small():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)|<img src=\"([^\"]+)\"", README)
    pictures = [picture for pair in pictures for picture in pair if picture]
    assert len(pictures) == README.count(".png)") + README.count("<img")
    for picture in pictures:
        assert 0 < (ROOT / picture).stat().st_size < 2**20


def test_unmix_command_on_a_phantom(tmp_path):
    trial = acquire(PHANTOMS["nicr_film"](shape=(16, 64)), 20, 0)
    bu.write(trial.image, tmp_path / "film.npz")
    command = "bayesunmix.cli:main"
    module, function = command.split(":")
    code = f"from {module} import {function}; {function}()"
    done = run(
        *(sys.executable, "-c", code, "unmix", str(tmp_path / "film.npz"), "--components", "3"),
        *("--method", "nmf", "--seed", "0", "--out", str(tmp_path / "out")),
    )
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"endmembers.csv", "abundances.npz", "maps.png", "spectra.png", "summary.json"}


@pytest.mark.parametrize("module", ["simulations", "benchmarks"])
def test_lists_of_phantoms_and_suites(module):
    done = run(sys.executable, "-m", module, "list")
    assert done.returncode == 0, done.stderr
    assert {"simulations": "nicr_film", "benchmarks": "quick"}[module] in done.stdout


def test_the_lock_names_no_address_and_hashes_everything():
    lock = (ROOT / "requirements" / "lock.txt").read_text()
    assert "://" not in lock
    packages = re.findall(r"^[a-z0-9-]+==.*?(?=^[a-z0-9-]+==|\Z)", lock, flags=re.MULTILINE | re.DOTALL)
    assert len(packages) > 50
    assert all("--hash=sha256:" in package for package in packages)

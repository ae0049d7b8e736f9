"""Other people's packages join through entry points: packages that are really installed, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.3"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""
MEAN = '''"""Everything is one component: the mean spectrum."""

from dataclasses import dataclass

import numpy as np

from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing


@METHODS.register("guest_mean")
@dataclass(frozen=True)
class Mean:
    share: float = 1.0

    def fit(self, image, n_components, key):
        endmembers = np.tile(image.sum_spectrum() / image.n_photons, (n_components, 1))
        abundances = np.tile(image.total_map().reshape(-1, 1) / n_components, n_components)
        info = {"converged": True, "iterations": 1, "objective": [], "objective_name": "none", "warnings": []}
        return Unmixing(Factorization(endmembers, self.share * abundances), info=info)


class Other(Mean):
    """The same by another name."""
'''
SQUARE = '''"""A bright square on a dark field, two boxes of channels."""

import numpy as np

from bayesunmix.data.factorization import Factorization
from simulations import Phantom


def square():
    truth = np.zeros((8, 8, 2))
    truth[..., 0], truth[2:6, 2:6] = 1, (0, 1)
    endmembers = np.kron(np.eye(2), np.full(20, 1 / 20))
    return Phantom("guest_square", Factorization(endmembers, truth.reshape(-1, 2)),
                   np.linspace(1, 5, 40), (8, 8), ("field", "square"))
'''
SCORE = '''"""Counts that the estimate explains, of all."""

from benchmarks.metric import metric


@metric(label="Explained", unit="", best=1.0)
def guest_score(trial, unmixing):
    return unmixing.estimate.abundances.sum() / trial.image.n_photons
'''
GUEST = {
    "pyproject.toml": PYPROJECT.format(name="guest-of-unmixing", package="guest")
    + """
[project.entry-points."bayesunmix.methods"]
guest_mean = "guest.mean"
guest_other = "guest.mean:Other"
nmf = "guest.mean:Other"

[project.entry-points."bayesunmix.phantoms"]
guest_square = "guest.square:square"

[project.entry-points."bayesunmix.metrics"]
guest_score = "guest.score"
""",
    "guest/__init__.py": "",
    "guest/mean.py": MEAN,
    "guest/square.py": SQUARE,
    "guest/score.py": SCORE,
}
BROKEN = {
    "pyproject.toml": PYPROJECT.format(name="broken-guest", package="broken_guest")
    + """
[project.entry-points."bayesunmix.methods"]
broken_import = "broken_guest.needs"
broken_silent = "broken_guest"
broken_object = "broken_guest:number"
broken_thief = "broken_guest.thief"
guest_mean = "broken_guest:number"

[project.entry-points."bayesunmix.phantoms"]
broken_phantom = "broken_guest.needs"

[project.entry-points."bayesunmix.metrics"]
broken_metric = "broken_guest:number"
""",
    "broken_guest/__init__.py": "number = 3\n",
    "broken_guest/needs.py": "import a_package_that_nobody_has\n",
    "broken_guest/thief.py": "from bayesunmix.contracts.method import METHODS\nMETHODS.register('pca')(print)\n",
}
SUITE = """
phantoms = ["*"]
doses = [20]
seeds = [0]
methods = ["*"]
"""


def install(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*pip, "--target", folder / "site", folder / "source"], check=True, capture_output=True)
    return folder / "site"


@pytest.fixture(scope="module")
def guest(tmp_path_factory) -> Path:
    """Where a package is installed that brings methods, a phantom and a metric."""
    return install(tmp_path_factory.mktemp("guest"), GUEST)


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Path:
    """Where a package is installed of which nothing works."""
    return install(tmp_path_factory.mktemp("broken"), BROKEN)


def run(places: list[Path], *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*places, ROOT]))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def answers(places: list[Path], code: str, **variables: str) -> dict:
    """Run code that fills the dictionary `said`, and return it."""
    code = f"import json, sys\nsaid, given = {{}}, {variables!r}\n{code}\nprint(json.dumps(said))"
    done = run(places, "-c", code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_members_of_an_installed_package_are_found_and_run(guest, tmp_path):
    (tmp_path / "all.toml").write_text(SUITE)
    said = answers(
        [guest],
        """
import importlib.metadata, warnings
from bayesunmix.contracts.method import METHODS
read, entry_points = [], importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **asked: read.append(asked.get("group")) or entry_points(**asked)
said["ours"] = "nmf" in METHODS, METHODS["nmf"].__module__
said["read"] = [group for group in read if group == "bayesunmix.methods"]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    said["methods"] = list(METHODS)
said["warnings"] = [str(warning.message) for warning in caught]
said["contained"] = "guest_mean" in METHODS, "guest_score" in METHODS
said["imported"] = [name for name in sys.modules if name.startswith("guest")]
import bayesunmix as bu
from simulations import PHANTOMS, acquire
trial = acquire(PHANTOMS["guest_square"](), dose=50, rng=0)
for name in ("guest_mean", "guest_other"):
    result = bu.unmix(trial.image, 2, name, share=0.5)
    said[name] = result.info["method"], float(result.estimate.abundances.sum() / trial.image.n_photons)
from benchmarks.suite_file import load_suite
suite = load_suite(given["suite"])
said["suite"] = suite.methods, [scene.name for scene in suite.phantoms]
""",
        suite=str(tmp_path / "all.toml"),
    )
    assert said["ours"] == [True, "bayesunmix.methods.nmf"]
    assert said["read"] == [], "a name of ours is found without the metadata of packages"
    assert {"guest_mean", "guest_other", "nmf", "bayes"} < set(said["methods"])
    (refused,) = said["warnings"]
    assert refused == (
        "method 'nmf' of the package guest-of-unmixing 0.3 is refused: bayesunmix has a method of that name; "
        "the package must choose another name."
    )
    assert said["contained"] == [True, False]
    assert said["imported"] == [], "listing imports nothing"
    assert said["guest_mean"] == ["guest_mean", pytest.approx(0.5)]
    assert said["guest_other"] == ["guest_other", pytest.approx(0.5)]
    methods, phantoms = said["suite"]
    assert {"guest_mean", "guest_other", "bayes"} < set(methods)
    assert {"guest_square", "nicr_film"} < set(phantoms)


@pytest.mark.slow
def test_a_suite_runs_them_and_runs_again_when_their_package_changes(guest, tmp_path):
    (tmp_path / "some.toml").write_text(SUITE.replace("*", "guest_square", 1).replace("*", "guest_mean"))
    said = answers(
        [guest],
        """
from pathlib import Path
from benchmarks import provenance
from benchmarks.runner import run
from benchmarks.suite_file import load_suite
suite, out = load_suite(given["suite"]), Path(given["out"])
said["records"] = []
for more in ("", "", "# another line"):
    with open(given["file"], "a") as file:
        file.write(more)
    provenance.code_digest.cache_clear()
    run(suite, out, show_progress=False)
    records = (out / "records.jsonl").read_text().splitlines()
    said["records"].append(len(records))
said["record"] = json.loads(records[0])
""",
        suite=str(tmp_path / "some.toml"),
        out=str(tmp_path / "out"),
        file=str(guest / "guest" / "mean.py"),
    )
    record = said["record"]
    assert record["status"] == "ok", record["message"]
    assert record["metrics"]["guest_score"] == pytest.approx(1)
    assert said["records"] == [1, 1, 2]


@pytest.mark.slow
def test_the_command_lines_list_them_and_say_which_are_broken(guest, broken):
    methods = run([guest, broken], "-c", "from bayesunmix.cli import main; main()", "methods")
    phantoms = run([guest, broken], "-m", "simulations", "list")
    everything = run([guest, broken], "-m", "benchmarks", "list")
    assert (methods.returncode, phantoms.returncode, everything.returncode) == (0, 0, 0)
    assert "Everything is one component: the mean spectrum." in methods.stdout
    assert "method 'broken_import' of the package broken-guest 0.3 cannot be used" in methods.stdout
    assert "method 'guest_mean' is brought by the packages" in methods.stdout
    assert "vendor_mcr" in methods.stdout, "ours are listed as ever"
    assert "8 x 8 x 40" in phantoms.stdout
    assert "A bright square on a dark field, two boxes of channels." in phantoms.stdout
    assert "phantom 'broken_phantom' of the package broken-guest 0.3 cannot be used" in phantoms.stdout
    assert "nicr_film" in phantoms.stdout
    names = ("guest_mean", "guest_square", "guest_score", "broken_import", "broken_metric", "bayes")
    assert all(name in everything.stdout for name in names)


def test_what_is_broken_is_said_in_one_sentence_when_it_is_used(guest, broken, tmp_path):
    (tmp_path / "all.toml").write_text(SUITE)
    said = answers(
        [guest, broken],
        """
from bayesunmix.contracts.method import METHODS
from benchmarks.suite_file import load_suite
def sentence(ask):
    try:
        ask()
    except ValueError as error:
        return str(error)
for name in METHODS:
    if name.startswith(("broken", "guest")):
        said[name] = sentence(lambda: METHODS[name])
said["suite"] = sentence(lambda: load_suite(given["suite"]))
said["pca"] = METHODS["pca"].__module__
""",
        suite=str(tmp_path / "all.toml"),
    )
    package, remedy = "of the package broken-guest 0.3 cannot be used", "update or uninstall that package"
    number = f"{package}: its entry point broken_guest:number is no"
    assert said == {
        "broken_import": f"method 'broken_import' {package} (ModuleNotFoundError: No module named "
        f"'a_package_that_nobody_has'); {remedy}",
        "broken_object": f"method 'broken_object' {number} method; {remedy}",
        "broken_silent": f"method 'broken_silent' {package}: its entry point broken_guest does not register it; "
        f"{remedy}",
        "broken_thief": f"method 'broken_thief' {package} (ValueError: method 'pca' is a file of "
        f"bayesunmix.methods; choose another name); {remedy}",
        "guest_mean": said["guest_mean"],
        "guest_other": None,
        "suite": f"suite all: metric 'broken_metric' {number} metric; {remedy}",
        "pca": "bayesunmix.methods.pca",
    }
    assert sorted(said["guest_mean"].split("packages ")[1].split("; ")[0].split(" and ")) == [
        "broken-guest 0.3",
        "guest-of-unmixing 0.3",
    ]

"""CONTRIBUTING.md is true: its examples run, its floors are those that are enforced, its commands exist."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.test_layering import FLOORS, PLURAL

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
USE = """
import json
import jax
import bayesunmix as bu
from simulations import PHANTOMS, acquire
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from benchmarks.metric import METRICS
from benchmarks.peer import PEERS

trial = acquire(PHANTOMS["gold_edge"](shape=(8, 10)), dose=50, rng=0)
result = bu.unmix(trial.image, 2, "mine")
rates, _ = ABUNDANCE_PRIORS["flat"]().draw(jax.random.key(0), 1000 * jax.numpy.ones((2, 8, 10)), 1.0, ())
counts, energy_kev = trial.image.counts, trial.image.energy_kev
endmembers, abundances, _ = PEERS["mini_batch_nmf"]().fit(counts, energy_kev, (8, 10), 2, 0)
print(json.dumps({
    "error": METRICS["total_error"].score(trial, result),
    "rate": float(rates.mean()),
    "dose": trial.image.n_photons / 80,
    "peer": [endmembers.shape, abundances.shape],
}))
"""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def test_every_example_runs_as_it_stands():
    examples = blocks("python")
    assert len(examples) == len(re.findall(r"\.register\(|^@metric\(", "".join(examples), flags=re.M)) == 5
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*examples, USE])], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["error"] < 0.1
    assert said["rate"] == pytest.approx(1001, rel=0.02)
    assert said["dose"] == pytest.approx(50, rel=0.1)
    assert said["peer"] == [[2, 1000], [80, 2]]


def test_the_floors_are_those_that_the_layering_test_enforces():
    drawn = TEXT.split("at the bottom:\n\n```\n")[1].split("```")[0]
    rows = [tuple(row.split(", ")) for row in drawn.strip().splitlines()]
    assert list(map(set, reversed(rows))) == list(map(set, FLOORS))


def test_every_room_is_described():
    table = TEXT.split("| room |")[1].split("\n\n")[0]
    described = [
        room
        for cell in re.findall(r"^\| (`.*?) \|", table, flags=re.M)
        for room in re.findall(r"`(\w+)`", cell)
    ]
    assert sorted(described) == sorted(room for floor in FLOORS for room in floor)


def test_the_groups_of_entry_points_are_the_plural_folders():
    (paragraph,) = [part for part in TEXT.split("\n\n") if "name of the plural folder:" in part]
    named = re.findall(r"`(\w+)`", paragraph.split("name of the plural folder:")[1])
    assert sorted(named) == sorted(package.rpartition(".")[2] for package in PLURAL)
    (snippet,) = blocks("toml")
    groups = tomllib.loads(snippet)["project"]["entry-points"]
    assert set(groups) <= {f"bayesunmix.{name}" for name in named}


def test_make_targets_and_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^|`)make ([\w-]+)", TEXT, flags=re.M))
    assert {"test", "lint", "peers"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.M)] == []
    listed = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    commands = set(re.findall(r"python -m benchmarks ([\w-]+)", TEXT))
    assert len(commands) >= 5
    assert [command for command in commands if f" {command} " not in listed.stdout] == []


def test_files_and_folders_that_it_names_exist():
    named = set(
        re.findall(r"`((?:bayesunmix|simulations|benchmarks|tests|docs|requirements)/[\w/.]*)`", TEXT)
    )
    made = {f"{match}.py" for match in ("bayesunmix/methods/mine", "simulations/phantoms/gold_edge")}
    made |= {"bayesunmix/models/abundance_priors/flat.py", "benchmarks/metrics/total_error.py"}
    made |= {"benchmarks/peers/mini_batch_nmf.py", "benchmarks/suites/NAME.toml", "requirements/theirs.in"}
    assert made < named
    assert [name for name in named - made if not (ROOT / name).exists()] == []

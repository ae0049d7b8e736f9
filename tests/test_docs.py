"""The site's hand-written pages are true: examples run, commands and their options exist, tables are complete."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bayesunmix as bu
import benchmarks.__main__
import simulations.__main__
from bayesunmix import cli
from bayesunmix.contracts.method import METHODS
from simulations.phantom import PHANTOMS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md"]
    + [path for path in DOCS.rglob("*.md") if not {"_build", "generated"} & set(path.relative_to(DOCS).parts)]
)
PROGRAMS = {
    "bayesunmix": cli.app,
    "python -m simulations": simulations.__main__.app,
    "python -m benchmarks": benchmarks.__main__.app,
}


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


def lines():
    """Every line of a shell block, with the page it stands on."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for language, block in re.findall(r"^```(.*?)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
            for line in block.splitlines() if language in ("", "shell") else ():
                yield page.name, line.strip().removeprefix(".venv/bin/")


def commands(program):
    return [
        (page, line.removeprefix(f"{program} ")) for page, line in lines() if line.startswith(f"{program} ")
    ]


@cache
def help_of(program, command):
    done = CliRunner().invoke(PROGRAMS[program], [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    return done.output if done.exit_code == 0 else ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_commands_and_their_options_exist(program):
    wrong = []
    for page, line in commands(program):
        words = shlex.split(line, comments=True)
        options = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
        known = help_of(program, words[0])
        wrong += [(page, line, option) for option in options if not re.search(rf"{option}\b", known)]
        wrong += [] if known else [(page, line, "no such command")]
    assert wrong == []
    assert len(commands(program)) >= 5


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {line.split()[1] for _, line in lines() if line.startswith("make ")}
    assert {"test", "benchmark", "docs"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def test_the_table_of_methods_is_the_registry():
    table = read("explanation/which_method.md").split("## All methods")[1].split("##")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == sorted(METHODS)


def test_the_table_of_phantoms_is_the_registry():
    assert sorted(re.findall(r"^\| \[`(\w+)`\]", read("phantoms/index.md"), flags=re.MULTILINE)) == sorted(
        PHANTOMS
    )


def test_every_public_name_has_a_place_in_the_reference():
    listed = set()
    for page in (DOCS / "reference").glob("*.rst"):
        listed |= set(
            re.findall(r"^   (?:\w+\.)*(\w+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        )
    assert set(bu.__all__) - listed == {"METHODS"}  # described in words


def test_the_needle_is_the_series_of_the_short_course():
    said = re.search(r'PHANTOMS\["nicr_needle"\]\(tilts=(\d+)\)\s+# \((.*?)\)', read("howto/simulate.md"))
    needle = PHANTOMS["nicr_needle"](tilts=int(said.group(1)))
    shape = (*needle.navigation_shape, needle.energy_kev.size)
    assert shape == tuple(map(int, said.group(2).split(", "))) == (73, 124, 165, 900)


def test_a_phantom_of_your_own_works(monkeypatch):
    monkeypatch.setattr(PHANTOMS, "_members", dict(PHANTOMS._members))
    (snippet,) = re.findall(r"```python\n(.*?)```", read("phantoms/make_your_own.md"), flags=re.DOTALL)
    exec(compile(snippet, "make_your_own.md", "exec"), {"__name__": "gold_edge"})
    phantom = PHANTOMS["gold_edge"]()
    assert phantom.labels == ("Au", "C")
    assert phantom.truth.abundances[-1, 0] == 0 < phantom.truth.abundances[0, 0]


def test_pictures_are_small():
    for page in PAGES:
        for name in re.findall(r"\{image\} (\S+)", page.read_text(encoding="utf-8")):
            assert 0 < (page.parent / name).stat().st_size < 2**20, name

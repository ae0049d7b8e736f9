"""Say where numbers come from: the code that decides a score, the machine, the versions, the command."""

import ast
import datetime
import functools
import hashlib
import importlib.util
import io
import os
import platform
import shlex
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.contracts.entry_points import package_of
from bayesunmix.contracts.method import METHODS
from bayesunmix.contracts.registry import Registry
from bayesunmix.unmixing import versions
from benchmarks.baseline import BASELINES
from benchmarks.metric import METRICS
from benchmarks.peer import PEERS
from benchmarks.suite import Role

_ROOT = Path(__file__).resolve().parent.parent
_DECIDES = ("bayesunmix", "simulations", "benchmarks/metrics", "benchmarks/scoring")
_SHOWS = (
    "bayesunmix/cli",
    "bayesunmix/data/display",
    "bayesunmix/plotting",
    "bayesunmix/report",
    "simulations/picture",
)
_DECIDES_TOO = (
    "benchmarks/baseline.py",
    "benchmarks/metric.py",
    "benchmarks/recording.py",
    "benchmarks/scene.py",
    "benchmarks/worker.py",
)
# Methods do not import each other (a test holds them to it), so that a new one leaves the others' results valid. What
# they share, private files beside them, counts for all.
_METHODS = "bayesunmix/methods"
_DECIDES_BY_ROLE = {
    "method": (f"{_METHODS}/{{0}}.py",),
    "peer": (
        "benchmarks/peer.py",
        "benchmarks/peer_method.py",
        "benchmarks/peer_process.py",
        "benchmarks/peers/{0}.py",
        "requirements/{1}.txt",
    ),
    "bound": ("benchmarks/baselines/{0}.py",),
}
_REGISTRY_OF: dict[Role, Registry[Any]] = {"method": METHODS, "peer": PEERS, "bound": BASELINES}


@functools.cache
def code_digest(role: Role, name: str, environment: str = "", modules: tuple[Path, ...] = ()) -> str:
    """Return a hash of all code that can change a score: a result is reused only under the same code.

    Docstrings and comments do not count, and neither do the rooms that only show results. Of other people's installed
    packages, those count that bring this member, a metric, a prior or an endmember model.

    Parameters
    ----------
    role : "method", "peer" or "bound"
    name : str
        Name of the method, peer or baseline. Its own file counts, those of the others do not.
    environment : str
        Environment of a peer; its requirements count.
    modules : tuple of Path
        Files of a suite that register methods or peers of its own.
    """
    shared = (f for folder in _DECIDES for f in (_ROOT / folder).rglob("*.py") if _decides_all(f))
    single = [*_DECIDES_TOO, *(path.format(name, environment) for path in _DECIDES_BY_ROLE[role])]
    files = [*shared, *(_ROOT / path for path in single)]
    files = [file for file in [*sorted(files), *modules] if file.is_file()]
    theirs = _of_other_packages(role, name)
    return _digest([*(part for file in files for part in (file.name.encode(), _code(file))), *theirs])


@functools.cache
def commit() -> str:
    """Return the commit of the checkout, with a + if files differ from it; "unknown" outside a checkout."""
    revision = _git("rev-parse", "--short=12", "HEAD")
    if not revision:
        return "unknown"
    return revision + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def machine() -> str:
    """Return processor, cores, memory and system in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"
    )


def about(before: Mapping[str, Any]) -> dict[str, Any]:
    """Say how results are made now: commands, machines, commits and dates, after those that made the earlier rows.

    Parameters
    ----------
    before : dict
        What this function returned for the earlier rows; empty where there are none.
    """
    now = {
        "commands": command(),
        "machines": machine(),
        "commits": commit(),
        "dates": datetime.date.today().isoformat(),
    }
    lists = {name: list(dict.fromkeys([*before.get(name, ()), one])) for name, one in now.items()}
    return {**before, **lists, "versions": versions()}


def command() -> str:
    """Return the line that started this process, to be typed from the root of a checkout."""
    return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


def _decides_all(file: Path) -> bool:
    """Return True if a file of the folders that decide scores decides those of every cell."""
    if file.parent == _ROOT / _METHODS:
        return file.name.startswith("_")
    return not any(file.is_relative_to(_ROOT / folder) for folder in _SHOWS)


def _of_other_packages(role: Role, name: str) -> Iterator[bytes]:
    """Give name, version and files of each installed package that brings what can change the scores of a cell.

    Files are read and not imported. Their comments count: nobody knows how they are written.
    """
    of_all = (registry.installed().items() for registry in (METRICS, ABUNDANCE_PRIORS, ENDMEMBER_MODELS))
    entries = [*_REGISTRY_OF[role].installed().get(name, ())]
    entries += [entry for found in of_all for _, several in sorted(found) for entry in several]
    for entry in entries:
        spec = importlib.util.find_spec(entry.module.partition(".")[0])
        yield package_of(entry).encode()
        if spec is not None:
            folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
            files = sorted(file for folder in folders for file in folder.rglob("*.py"))
            yield from (file.read_bytes() for file in files or [Path(spec.origin or "")] if file.is_file())


def _code(file: Path) -> bytes:
    """Return what a file does: Python without docstrings, comments and blank lines, anything else as it is."""
    return _without_words(file.read_text(encoding="utf-8")) if file.suffix == ".py" else file.read_bytes()


@functools.cache
def _without_words(text: str) -> bytes:
    """Take docstrings, comments and blank lines out of Python source. Most cells share most files."""
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            first, last = node.body[0].lineno, node.body[0].end_lineno
            assert last is not None
            lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(line for line in lines if line.strip()).encode()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:12]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", _ROOT, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

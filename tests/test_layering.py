"""Who may import whom, read from the syntax trees. Every rule is shown to bite on a planted file."""

import ast
import graphlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSES = ("bayesunmix", "simulations", "benchmarks", "paper")  # each may import those before it
PLURAL = {"methods", "phantoms", "metrics", "baselines", "peers", "speeds", "calibrations", "priors"}
DRAWING = (
    "benchmarks",
    "paper",
    "bayesunmix.plotting",
    "bayesunmix.report",
    "bayesunmix.checks.picture",
    "simulations.picture",
)
# What the phantom generator must not touch: the methods, by whatever way they are reached. The one command that
# repeats the talk's analysis asks the public entry, lazily.
BEYOND_SIMULATIONS = tuple(f"bayesunmix.{n}" for n in ("methods", "method", "unmixing", "METHODS", "unmix"))


@dataclass(frozen=True)
class Import:
    """One import: `target` is the module, or a name inside one; `top` if it runs when `module` is imported."""

    module: str
    target: str
    top: bool


def modules(root: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(path for house in HOUSES for path in (root / house).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module: str, path: Path) -> Iterator[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST, top: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(module, f"{base}.{alias.name}", top) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            first = ast.unparse(node.args[0]).lstrip("f").strip("'\"")
            yield Import(module, first.partition(".{")[0], top)
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, top and not lazy and not typing_only)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), True)


def within(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def member_of(name: str) -> tuple[str, str] | None:
    """Return the plural folder and the member that a module or a name inside it belongs to."""
    parts = name.split(".")
    if len(parts) > 2 and parts[0] in HOUSES and parts[1] in PLURAL:
        return ".".join(parts[:2]), parts[2]
    return None


def fault(seen: Import) -> str | None:
    """Name the rule that an import breaks."""
    module, target = seen.module, seen.target
    house, other = module.split(".")[0], target.split(".")[0]
    if other in HOUSES and HOUSES.index(other) > HOUSES.index(house):
        return "upward"
    mine, theirs = member_of(module), member_of(target)
    if mine and theirs and mine[0] == theirs[0] and mine != theirs:
        return "siblings"
    if within(target, "pandas", "matplotlib"):
        if not within(module, *DRAWING):
            return "drawing"
        if house == "simulations" and seen.top:
            return "eager drawing"
    asks_entry = (module, target, seen.top) == ("simulations.talk", "bayesunmix.unmix", False)
    if (
        house == "simulations"
        and (target == "bayesunmix" or within(target, *BEYOND_SIMULATIONS))
        and not asks_entry
    ):
        return "methods"
    if within(target, "rsciio") and not within(module, "bayesunmix.io"):
        return "rsciio"
    in_bridge = (module, seen.top) == ("bayesunmix.io.hyperspy", False)
    if within(target, "hyperspy", "exspy") and house != "benchmarks" and not in_bridge:
        return "hyperspy"
    return None


def faults(root: Path) -> list[tuple[str, Import]]:
    seen = [found for module, path in modules(root).items() for found in imports(module, path)]
    return [(rule, found) for found in seen if (rule := fault(found))]


def graph(root: Path) -> dict[str, set[str]]:
    """Which module of ours runs which, on import. That a package runs before its modules is left out."""
    known = modules(root)
    edges: dict[str, set[str]] = {module: set() for module in known}
    for module, path in known.items():
        for found in imports(module, path):
            target = found.target if found.target in known else found.target.rpartition(".")[0]
            if found.top and target in known:
                edges[module].add(target)
    return edges


def test_every_import_keeps_the_rules():
    assert faults(ROOT) == []


def test_no_module_imports_itself_by_a_round_trip():
    list(graphlib.TopologicalSorter(graph(ROOT)).static_order())


def test_the_walker_saw_the_tree():
    edges = graph(ROOT)
    assert {house.split(".")[0] for house in edges} >= {"bayesunmix", "simulations", "benchmarks"}
    assert "bayesunmix.image" in edges["bayesunmix.methods.nmf"]
    assert "bayesunmix.io.rosettasciio" in edges["bayesunmix.io"]
    assert "simulations.phantom" in edges["benchmarks.scene"]
    assert "bayesunmix.unmixing" not in edges["bayesunmix.cli"], (
        "the command line imports inside its commands"
    )


@pytest.mark.parametrize(
    ("place", "line", "rule"),
    [
        ("bayesunmix/image.py", "def f():\n    from simulations import phantom", "upward"),
        ("simulations/phantom.py", "import benchmarks.metric", "upward"),
        ("benchmarks/runner.py", "import importlib; importlib.import_module('paper.figures')", "upward"),
        ("bayesunmix/methods/nmf.py", "from bayesunmix.methods.pca import PCA", "siblings"),
        ("bayesunmix/methods/nmf.py", "from . import pca", "siblings"),
        ("benchmarks/metrics/crps.py", "from .deviance import deviance", "siblings"),
        ("bayesunmix/image.py", "def f():\n    import pandas as pd", "drawing"),
        ("bayesunmix/methods/nmf.py", "from matplotlib.figure import Figure", "drawing"),
        ("simulations/picture.py", "import matplotlib.pyplot", "eager drawing"),
        ("simulations/nicr.py", "if True:\n    from bayesunmix.methods import pca", "methods"),
        ("simulations/nicr.py", "from bayesunmix import unmix", "methods"),
        ("simulations/talk.py", "from bayesunmix import unmix", "methods"),
        ("simulations/nicr.py", "import bayesunmix", "methods"),
        ("bayesunmix/cli.py", "import rsciio", "rsciio"),
        (
            "bayesunmix/cli.py",
            "from importlib import import_module\nimport_module(f'rsciio.{name}')",
            "rsciio",
        ),
        ("bayesunmix/io/rosettasciio.py", "def f():\n    import exspy", "hyperspy"),
        ("bayesunmix/io/hyperspy.py", "import hyperspy.api as hs", "hyperspy"),
        ("simulations/store.py", "from hyperspy import api", "hyperspy"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, place, line, rule):
    plant(tmp_path, place, line)
    assert [found for found, _ in faults(tmp_path)] == [rule]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("paper/figure.py", "import bayesunmix, simulations, benchmarks, pandas"),
        ("bayesunmix/plotting.py", "import matplotlib"),
        ("bayesunmix/report/page.py", "import pandas"),
        ("simulations/picture.py", "def f():\n    import matplotlib"),
        ("simulations/nicr.py", "from bayesunmix.spectra import lines\nfrom bayesunmix.image import Axis"),
        ("bayesunmix/io/files.py", "import rsciio.bruker"),
        ("bayesunmix/io/hyperspy.py", "def f():\n    import hyperspy.api as hs"),
        ("bayesunmix/method.py", "def f():\n    from bayesunmix.io.hyperspy import to_hyperspy"),
        ("bayesunmix/methods/nmf.py", "from bayesunmix.method import METHODS"),
    ],
)
def test_what_is_allowed_is_left_alone(tmp_path, place, line):
    plant(tmp_path, place, line)
    assert faults(tmp_path) == []


def test_a_planted_round_trip_is_found(tmp_path):
    plant(tmp_path, "bayesunmix/a.py", "from bayesunmix import b")
    plant(tmp_path, "bayesunmix/b.py", "def f():\n    import bayesunmix.a")
    list(graphlib.TopologicalSorter(graph(tmp_path)).static_order())
    plant(tmp_path, "bayesunmix/b.py", "from .a import something")
    with pytest.raises(graphlib.CycleError):
        list(graphlib.TopologicalSorter(graph(tmp_path)).static_order())


def plant(root: Path, place: str, text: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "gpl"),
    [("lock.txt", False), ("hyperspy.txt", True), ("espm.txt", True), ("geom_nmf.txt", False)],
)
def test_the_locks_hold_hashes_and_no_address(name, gpl):
    lock = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "numpy==" in lock
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert "index-url" not in lock
    assert ("\nhyperspy==" in lock) is gpl


def test_both_environments_hold_the_same_versions():
    pinned, more = (
        {
            line.split(" ")[0]
            for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        }
        for name in ("lock.txt", "hyperspy.txt")
    )
    assert {line for line in pinned if "==" in line} <= more

"""Who may import whom, read from the syntax trees. Every rule is shown to bite on a planted file.

Imports inside functions and under ``TYPE_CHECKING`` count like all others: a circle is a circle at any time.
"""

import ast
import graphlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSES = ("bayesunmix", "simulations", "benchmarks", "paper")  # each may import those before it
# The rooms of the library from the ground up: each may import from its own room and from floors below its own.
FLOORS = (
    ("running", "spectra"),
    ("data",),
    ("contracts", "io"),
    ("engine", "claims"),
    ("models", "analysis", "dimension"),
    ("checks", "quantification"),
    ("methods",),
    ("unmixing",),
    ("estimator", "plotting"),
    ("report",),
    ("validation",),
    ("cli",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
REGISTRIES = ("METHODS", "ABUNDANCE_PRIORS", "ENDMEMBER_MODELS")
DRAWING = (
    "benchmarks",
    "paper",
    "bayesunmix.plotting",
    "bayesunmix.report",
    "bayesunmix.validation.report.phase_colours",
    "bayesunmix.validation.report.pictures",
    "bayesunmix.validation.report.spectra_pictures",
    "simulations.picture",
)
# What the phantom generator must not touch: the methods, by whatever way they are reached. The one command that
# repeats the talk's analysis asks the public entry, lazily.
BEYOND_SIMULATIONS = tuple(
    f"bayesunmix.{n}" for n in ("methods", "contracts.method", "unmixing", "METHODS", "unmix")
)


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


def plural_folders(root: Path) -> set[str]:
    """Packages that a registry is bound to: ``Registry("method", "bayesunmix.methods")``."""
    calls = (
        node
        for path in modules(root).values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Registry" and len(node.args) > 1
    )
    return {node.args[1].value for node in calls if isinstance(node.args[1], ast.Constant)}


PLURAL = plural_folders(ROOT)


def within(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def member_of(name: str) -> tuple[str, str] | None:
    """Return the plural folder and the member that a module or a name inside it belongs to."""
    for folder in PLURAL:
        if name.startswith(folder + "."):
            return folder, name.removeprefix(folder + ".").split(".")[0]
    return None


def room_of(name: str) -> str | None:
    """Return the room of the library that a module or a name inside it belongs to; None at the front door."""
    parts = name.split(".")
    return parts[1] if parts[0] == "bayesunmix" and len(parts) > 1 and parts[1] in FLOOR_OF else None


def is_upward(module: str, target: str) -> bool:
    """Whether a room imports from its own floor or from above it. The front door sees all rooms."""
    mine, theirs = room_of(module), room_of(target)
    if mine is None:
        return False
    if theirs is None:  # the front door itself, or a public name
        return within(target, "bayesunmix")
    return theirs != mine and FLOOR_OF[theirs] >= FLOOR_OF[mine]


def fault(seen: Import) -> str | None:
    """Name the rule that an import breaks."""
    module, target = seen.module, seen.target
    house, other = module.split(".")[0], target.split(".")[0]
    if other in HOUSES and HOUSES.index(other) > HOUSES.index(house):
        return "upward"
    if is_upward(module, target):
        return "upward"
    if within(module, "bayesunmix.engine") and target.rpartition(".")[2] in REGISTRIES:
        return "registry"
    mine, theirs = member_of(module), member_of(target)
    # Helpers of members begin with an underscore; they know no member.
    if mine and theirs and mine[0] == theirs[0] and mine != theirs and not theirs[1].startswith("_"):
        return "siblings"
    if within(target, "pandas", "matplotlib"):
        if not within(module, *DRAWING):
            return "drawing"
        if house == "simulations" and seen.top:
            return "eager drawing"
    asks_entry = (module, target, seen.top) == ("simulations.short_course", "bayesunmix.unmix", False)
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
    """Which module of ours names which, anywhere in it. That a package runs before its modules is left out.

    The front door of the library is left out too: it names all rooms, and who uses a public name names it.
    """
    known = modules(root)
    edges: dict[str, set[str]] = {module: set() for module in known if module != "bayesunmix"}
    for module in edges:
        for found in imports(module, known[module]):
            target = found.target if found.target in known else found.target.rpartition(".")[0]
            if target in edges and target != module:
                edges[module].add(target)
    return edges


def test_every_import_keeps_the_rules():
    assert faults(ROOT) == []


def test_no_module_imports_itself_by_a_round_trip():
    list(graphlib.TopologicalSorter(graph(ROOT)).static_order())


def test_every_room_has_a_floor():
    rooms = {module.split(".")[1] for module in modules(ROOT) if module.startswith("bayesunmix.")}
    assert rooms <= set(FLOOR_OF)


def test_the_walker_saw_the_tree():
    edges = graph(ROOT)
    assert {house.split(".")[0] for house in edges} >= {"bayesunmix", "simulations", "benchmarks"}
    assert "bayesunmix.data.image" in edges["bayesunmix.methods.nmf"]
    assert "bayesunmix.io.rosettasciio" in edges["bayesunmix.io"]
    assert "simulations.phantom" in edges["benchmarks.scene"]
    assert "benchmarks.worker" in edges["benchmarks.process"], "inside a function"
    assert {
        "bayesunmix.methods",
        "bayesunmix.models.abundance_priors",
        "bayesunmix.models.endmember_models",
        "simulations.phantoms",
        "benchmarks.baselines",
        "benchmarks.calibrations",
        "benchmarks.metrics",
        "benchmarks.pages",
        "benchmarks.peers",
        "benchmarks.speeds",
    } == PLURAL


def test_the_command_line_imports_inside_its_commands():
    """So that `--help` is quick: at the top of its files stand the standard library, typer, and what needs neither."""
    heavy = ("bayesunmix", "numpy", "jax", "matplotlib", "scipy")
    light = ("bayesunmix.cli", "bayesunmix.running.compilation")
    top = [
        found.target
        for module, path in modules(ROOT).items()
        if within(module, "bayesunmix.cli")
        for found in imports(module, path)
        if found.top and within(found.target, *heavy) and not within(found.target, *light)
    ]
    assert top == []


@pytest.mark.parametrize(
    ("place", "line", "rule"),
    [
        ("bayesunmix/data/image.py", "def f():\n    from simulations import phantom", "upward"),
        ("simulations/phantom.py", "import benchmarks.metric", "upward"),
        ("benchmarks/runner.py", "import importlib; importlib.import_module('paper.figures')", "upward"),
        ("bayesunmix/data/image.py", "from bayesunmix.engine.fits import em", "upward"),
        ("bayesunmix/engine/fits/em.py", "def f():\n    from bayesunmix.methods import pca", "upward"),
        ("bayesunmix/running/cost.py", "from bayesunmix.spectra import lines", "upward"),
        (
            "bayesunmix/data/result.py",
            "if TYPE_CHECKING:\n    from bayesunmix.io.hyperspy import Signals",
            "upward",
        ),
        ("bayesunmix/checks/check.py", "def f():\n    from bayesunmix import unmix", "upward"),
        ("bayesunmix/io/npz.py", "import bayesunmix", "upward"),
        (
            "bayesunmix/engine/sampling/modes.py",
            "from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS",
            "registry",
        ),
        (
            "bayesunmix/engine/fits/em.py",
            "def f():\n    from bayesunmix.contracts.method import METHODS",
            "registry",
        ),
        ("bayesunmix/methods/nmf.py", "from bayesunmix.methods.pca import PCA", "siblings"),
        ("bayesunmix/methods/nmf.py", "from . import pca", "siblings"),
        ("bayesunmix/methods/_point_fit.py", "from bayesunmix.methods import nmf", "siblings"),
        (
            "bayesunmix/models/abundance_priors/gamma.py",
            "from bayesunmix.models.abundance_priors.dirichlet import Dirichlet",
            "siblings",
        ),
        ("benchmarks/metrics/crps.py", "from .deviance import deviance", "siblings"),
        ("benchmarks/speeds/bayes.py", "def f():\n    from benchmarks.speeds import methods", "siblings"),
        ("bayesunmix/data/image.py", "def f():\n    import pandas as pd", "drawing"),
        ("bayesunmix/methods/nmf.py", "from matplotlib.figure import Figure", "drawing"),
        ("simulations/picture.py", "import matplotlib.pyplot", "eager drawing"),
        ("simulations/nicr.py", "if True:\n    from bayesunmix.methods import pca", "methods"),
        ("simulations/nicr.py", "from bayesunmix import unmix", "methods"),
        ("simulations/short_course.py", "from bayesunmix import unmix", "methods"),
        ("simulations/nicr.py", "import bayesunmix", "methods"),
        ("bayesunmix/cli/app.py", "import rsciio", "rsciio"),
        (
            "bayesunmix/cli/app.py",
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
        ("bayesunmix/plotting/maps.py", "import matplotlib"),
        ("bayesunmix/report/page.py", "import pandas"),
        ("simulations/picture.py", "def f():\n    import matplotlib"),
        (
            "simulations/nicr.py",
            "from bayesunmix.spectra import lines\nfrom bayesunmix.data.image import Axis",
        ),
        ("bayesunmix/io/files.py", "import rsciio.bruker"),
        ("bayesunmix/io/hyperspy.py", "def f():\n    import hyperspy.api as hs"),
        ("bayesunmix/methods/nmf.py", "from bayesunmix.contracts.method import METHODS"),
        ("bayesunmix/methods/bootstrap.py", "from bayesunmix.methods._point_fit import point_fit"),
        ("bayesunmix/engine/fits/em.py", "from bayesunmix.engine.device import layout"),
        ("bayesunmix/__init__.py", "def f():\n    from bayesunmix.cli import app"),
    ],
)
def test_what_is_allowed_is_left_alone(tmp_path, place, line):
    plant(tmp_path, place, line)
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    "back",
    [
        "from .a import something",
        "def f():\n    import bayesunmix.a",
        "if TYPE_CHECKING:\n    from bayesunmix.a import A",
    ],
)
def test_a_planted_round_trip_is_found(tmp_path, back):
    plant(tmp_path, "bayesunmix/a.py", "from bayesunmix import b")
    plant(tmp_path, "bayesunmix/b.py", "import json")
    list(graphlib.TopologicalSorter(graph(tmp_path)).static_order())
    plant(tmp_path, "bayesunmix/b.py", back)
    with pytest.raises(graphlib.CycleError):
        list(graphlib.TopologicalSorter(graph(tmp_path)).static_order())


def test_a_registry_makes_a_plural_folder(tmp_path):
    plant(
        tmp_path,
        "simulations/detector.py",
        'DETECTORS: Registry[type] = Registry("detector", "simulations.detectors")',
    )
    assert plural_folders(tmp_path) == {"simulations.detectors"}


def plant(root: Path, place: str, text: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "gpl"),
    [
        ("lock.txt", False),
        ("docs.txt", False),
        ("hyperspy.txt", True),
        ("espm.txt", True),
        ("geom_nmf.txt", False),
    ],
)
def test_the_locks_hold_hashes_and_no_address(name, gpl):
    lock = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "numpy==" in lock
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert "index-url" not in lock
    assert ("\nhyperspy==" in lock) is gpl


@pytest.mark.parametrize("other", ["hyperspy.txt", "docs.txt"])
def test_environments_hold_the_same_versions(other):
    pinned, more = (
        {
            line.split(" ")[0]
            for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        }
        for name in ("lock.txt", other)
    )
    assert {line for line in pinned if "==" in line} <= more


def test_only_the_library_is_installed():
    """Nobody's site-packages gets folders called `simulations` and `benchmarks`."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert built["targets"]["wheel"]["packages"] == ["bayesunmix"]

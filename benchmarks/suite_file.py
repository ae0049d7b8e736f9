"""Read suites from TOML files, in `suites/` or anywhere.

::

    title = "Every method on the layered Ni/Cr film"
    phantoms = ["nicr_film", "film_realistic"]  # registered ones, or scenes defined below
    doses = [5, 20, 100]                        # mean counts per pixel of the specimen
    seeds = [0, 1, 2]
    methods = ["*"]                             # every registered method, or names
    peers = ["*"]                               # other people's
    baselines = ["*"]
    components = ["true", "true-1", "true+1", "found"]
    modules = ["my_method.py"]                  # files that register members, relative to this one

    [method_settings.nmf]
    max_iterations = 500

    [scenes.film_realistic]                     # see `benchmarks.scene`, and `benchmarks.recording` for files
    phantom = "nicr_film"
    detector = "realistic"

    [limits]                                    # of one cell, see `benchmarks.suite.Limits`
    seconds = 600
"""

import dataclasses
import importlib.util
import math
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bayesunmix.contracts.method import METHODS
from bayesunmix.contracts.registry import Registry, require_name
from benchmarks.baseline import BASELINES
from benchmarks.metric import METRICS
from benchmarks.peer import PEERS
from benchmarks.recording import Recording
from benchmarks.scene import Scene
from benchmarks.suite import FOUND, TRUE, Limits, Suite
from simulations.phantom import PHANTOMS

SUITES = Path(__file__).parent / "suites"
_REQUIRED = ("phantoms", "doses", "seeds", "methods")
_OPTIONAL = ("title", "peers", "baselines", "components", "modules", "scenes", "method_settings", "limits")


def load_suite(name: str) -> Suite:
    """Read and check a suite.

    Parameters
    ----------
    name : str
        A file name of `suites/` without its ending, or the path of a TOML file.

    Raises
    ------
    ValueError
        If there is no such suite, or it asks for something that does not exist; the sentence says what to do.
    """
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    if not path.is_file():
        require_name(name, suite_names(), "suite", "; or give the path of a .toml file")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _parse(path, content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"suite {path} is not valid TOML: {error}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"suite {path.stem}: {error}") from None


def suite_names() -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def load_modules(paths: Iterable[Path]) -> None:
    """Run Python files that register members, once per process."""
    for path in paths:
        name = f"_suite_module_{path.stem}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            if spec is None or spec.loader is None or not path.is_file():
                raise ValueError(f"modules must be Python files, there is none at {path}")
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])


def _parse(path: Path, content: dict[str, Any]) -> Suite:
    for key in content:
        require_name(key, (*_REQUIRED, *_OPTIONAL), "key")
    if missing := [key for key in _REQUIRED if key not in content]:
        raise ValueError(f"{', '.join(missing)} is required; see benchmarks/suite_file.py for an example")
    modules = tuple(path.resolve().parent / module for module in content.get("modules", []))
    load_modules(modules)
    _ = dict(METRICS)  # every one scores; what cannot be loaded is said before any fit
    scenes = {name: _scene(path, name, table) for name, table in _tables(content, "scenes").items()}
    names = _names(content["phantoms"], [*PHANTOMS, *scenes], "phantom", PHANTOMS)
    phantoms = tuple(scenes.get(name) or Scene(name, name) for name in names)
    if len({type(scene) for scene in phantoms}) > 1:
        raise ValueError(
            "phantoms must have a truth, all or none: phantoms and recordings are scored by other metrics; "
            "make two suites"
        )
    method_settings = _tables(content, "method_settings")
    for name, settings in method_settings.items():
        require_name(name, [*METHODS, *PEERS], METHODS.kind)
        (METHODS if name in METHODS else PEERS)[name](**settings)
    members = [
        name
        for key, registry in (("methods", METHODS), ("peers", PEERS), ("baselines", BASELINES))
        for name in _names(content.get(key, []), registry, registry.kind)
    ]
    if not members:
        raise ValueError("methods, peers and baselines are all empty; name at least one")
    return Suite(
        name=path.stem,
        title=content.get("title", path.stem),
        phantoms=phantoms,
        doses=tuple(float(d) for d in _numbers(content["doses"], "doses", (int, float), above=0)),
        seeds=tuple(_numbers(content["seeds"], "seeds", (int,), above=-1)),
        methods=tuple(members),
        components=_components(content.get("components", [TRUE])),
        method_settings=method_settings,
        limits=_limits(content.get("limits", {})),
        modules=modules,
    )


def _scene(path: Path, name: str, table: dict[str, Any]) -> Scene | Recording:
    """Read a table [scenes.NAME]: of a recording where it names a file."""
    if "file" in table:
        return Recording.parse(name, table, path.resolve().parent)
    scene = Scene.parse(name, table)
    require_name(scene.phantom, PHANTOMS, "phantom")
    return scene


def _names(
    names: Any, known: Iterable[str], kind: str, starred: Registry[Any] | None = None
) -> tuple[str, ...]:
    """Check names; "*" stands for all known ones, or all `starred` ones."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'{kind}s must be a list of names such as ["*"], got {names!r}')
    for name in names:
        if name != "*":
            require_name(name, known, kind)
    return tuple(dict.fromkeys(n for name in names for n in ((starred or known) if name == "*" else [name])))


def _tables(content: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """Read the tables [key.name]."""
    tables = content.get(key, {})
    if not isinstance(tables, dict):
        raise ValueError(f"{key} must hold tables [{key}.NAME], got {tables!r}")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"{key}.{name} must be a table of settings, got {table!r}")
    return tables


def _components(asked: Any) -> tuple[str, ...]:
    good = isinstance(asked, list) and asked and all(isinstance(a, str) for a in asked)
    if not good or not all(a == FOUND or re.fullmatch(rf"{TRUE}([+-]\d+)?", a) for a in asked):
        raise ValueError(f'components must be a list such as ["true", "true+1", "found"], got {asked!r}')
    return tuple(dict.fromkeys(asked))


def _limits(table: Any) -> Limits:
    if not isinstance(table, dict):
        raise ValueError(f"limits must be a table [limits], got {table!r}")
    for name, value in table.items():
        require_name(name, [f.name for f in dataclasses.fields(Limits)], "limit")
        kind, what = (bool, "true or false") if name == "fresh" else ((int, float), "a positive number")
        if not isinstance(value, kind) or (name != "fresh" and not (value > 0 and value is not True)):
            raise ValueError(f"limits.{name} must be {what}, got {value!r}")
    return Limits(**table)


def _numbers(values: Any, key: str, kinds: tuple[type, ...], above: float) -> list[Any]:
    good = isinstance(values, list) and values
    if not good or not all(type(v) in kinds and above < v < math.inf for v in values):
        what = "positive numbers" if float in kinds else "whole numbers from 0 up"
        raise ValueError(f"{key} must be a list of {what}, got {values!r}")
    return list(dict.fromkeys(values))

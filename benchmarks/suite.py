"""A suite says what is run: phantoms x doses x seeds x methods. It is a TOML file in `suites/`, or anywhere.

::

    title = "Every method on the layered Ni/Cr film"
    phantoms = ["nicr_film"]
    doses = [5, 20, 100]          # mean counts per pixel of the specimen
    seeds = [0, 1, 2]
    methods = ["*"]               # every registered method, or names
    baselines = ["*"]
    modules = ["my_method.py"]    # files that register members, relative to this one

    [method_settings.nmf]
    max_iterations = 500

    [phantom_settings.nicr_film]
    shape = [32, 32]
"""

import dataclasses
import difflib
import importlib.util
import math
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bayesunmix.method import METHODS
from bayesunmix.registry import Registry
from benchmarks.baseline import BASELINES
from simulations.phantom import PHANTOMS

FOLDER = Path(__file__).parent / "suites"


@dataclass(frozen=True)
class Cell:
    """One thing to compute: a method on a trial."""

    phantom: str
    dose: float
    seed: int
    method: str
    phantom_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_bound(self) -> bool:
        """Whether the method is a baseline: shown, never ranked."""
        return self.method in BASELINES


@dataclass(frozen=True)
class Suite:
    """What is run.

    Parameters
    ----------
    name, title : str
    phantoms, methods : tuple of str
        Registered names; `methods` holds the baselines too.
    doses : tuple of float
        Mean counts per pixel of the specimen.
    seeds : tuple of int
        Each seeds the photons and the method.
    phantom_settings, method_settings : dict of dict
        Settings that differ from the defaults, by name.
    modules : tuple of Path
        Python files that register further members.
    """

    name: str
    title: str
    phantoms: tuple[str, ...]
    doses: tuple[float, ...]
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    phantom_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    method_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    modules: tuple[Path, ...] = ()

    def cells(self) -> list[Cell]:
        """All cells, the cells of one method together."""
        return [
            Cell(p, d, s, m, self.phantom_settings.get(p, {}), self.method_settings.get(m, {}))
            for m in self.methods
            for p in self.phantoms
            for d in self.doses
            for s in self.seeds
        ]

    def only(self, **chosen: Iterable[str]) -> "Suite":
        """Narrow the suite: ``only(methods=["nmf"], doses=["5"])``, each given as it is written in TOML.

        Raises
        ------
        ValueError
            If a name or number is not part of the suite.
        """
        changes = {}
        for key, wanted in chosen.items():
            present = {
                f"{value:g}" if isinstance(value, float) else str(value): value
                for value in getattr(self, key)
            }
            for name in wanted:
                _check_name(name, present, f"{key[:-1]} of suite {self.name}")
            changes[key] = tuple(value for name, value in present.items() if name in set(wanted))
        return dataclasses.replace(self, **changes)


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
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        _check_name(name, suite_names(), "suite", "; or give the path of a .toml file")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _parse(path, content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"suite {path} is not valid TOML: {error}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"suite {path.stem}: {error}") from None


def suite_names() -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


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
    required = ("phantoms", "doses", "seeds", "methods")
    optional = ("title", "baselines", "modules", "phantom_settings", "method_settings")
    for key in content:
        _check_name(key, (*required, *optional), "key")
    if missing := [key for key in required if key not in content]:
        raise ValueError(f"{', '.join(missing)} is required; see benchmarks/suite.py for an example")
    modules = tuple(path.resolve().parent / module for module in content.get("modules", []))
    load_modules(modules)
    phantoms = _names(content["phantoms"], PHANTOMS, "phantoms")
    methods = _names(content["methods"], METHODS, "methods")
    baselines = _names(content.get("baselines", []), BASELINES, "baselines")
    phantom_settings = _settings(content, "phantom_settings", PHANTOMS)
    method_settings = _settings(content, "method_settings", METHODS)
    for name, settings in method_settings.items():
        METHODS[name](**settings)
    return Suite(
        name=path.stem,
        title=content.get("title", path.stem),
        phantoms=phantoms,
        doses=tuple(float(d) for d in _numbers(content["doses"], "doses", (int, float), above=0)),
        seeds=tuple(_numbers(content["seeds"], "seeds", (int,), above=-1)),
        methods=methods + baselines,
        phantom_settings=phantom_settings,
        method_settings=method_settings,
        modules=modules,
    )


def _names(names: Any, registry: Registry[Any], key: str) -> tuple[str, ...]:
    """Check names against a registry; "*" stands for all of them."""
    if (
        not isinstance(names, list)
        or not (names or key == "baselines")
        or not all(isinstance(name, str) for name in names)
    ):
        raise ValueError(f'{key} must be a list of names such as ["*"], got {names!r}')
    for name in names:
        if name != "*":
            _check_name(name, registry, registry.kind)
    return tuple(dict.fromkeys(n for name in names for n in (registry if name == "*" else [name])))


def _settings(content: dict[str, Any], key: str, registry: Registry[Any]) -> dict[str, dict[str, Any]]:
    """Read the tables [key.name], each the settings of a member."""
    tables = content.get(key, {})
    if not isinstance(tables, dict):
        raise ValueError(f"{key} must hold tables [{key}.NAME], got {tables!r}")
    for name, settings in tables.items():
        _check_name(name, registry, registry.kind)
        if not isinstance(settings, dict):
            raise ValueError(f"{key}.{name} must be a table of settings, got {settings!r}")
    return tables


def _numbers(values: Any, key: str, kinds: tuple[type, ...], above: float) -> list[Any]:
    good = isinstance(values, list) and values
    if not good or not all(type(v) in kinds and above < v < math.inf for v in values):
        what = "positive numbers" if float in kinds else "whole numbers from 0 up"
        raise ValueError(f"{key} must be a list of {what}, got {values!r}")
    return list(dict.fromkeys(values))


def _check_name(name: str, present: Iterable[str], kind: str, more: str = "") -> None:
    names = list(present)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"unknown {kind} {name!r}: {hint}There are: {', '.join(names) or 'none'}{more}")

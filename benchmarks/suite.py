"""Define suites: scenes x doses x seeds x numbers of components x methods, and the limits of a cell.

`suite_file` reads one from TOML.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bayesunmix.contracts.registry import require_name
from benchmarks.baseline import BASELINES
from benchmarks.peer import PEERS
from benchmarks.recording import Recording
from benchmarks.scene import Scene

Role = Literal["method", "peer", "bound"]
TRUE, FOUND = "true", "found"


@dataclass(frozen=True)
class Cell:
    """Name one thing to compute: a method on a trial.

    Parameters
    ----------
    scene : Scene or Recording
    dose : float
        Mean counts per pixel of the specimen.
    seed : int
        Seeds the photons and the method.
    method : str
        One of our methods, a peer, or a baseline.
    components : str
        "true", "true+1" and the like, or "found": by the method itself or else by `bayesunmix.rank`.
    settings : dict
        Settings of the method that are not its defaults.
    """

    scene: Scene | Recording
    dose: float
    seed: int
    method: str
    components: str = TRUE
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        """Return whose method it is. Bounds may see the truth and are never ranked; peers are other people's."""
        return "bound" if self.method in BASELINES else "peer" if self.method in PEERS else "method"

    def n_components(self, truth: int) -> int | None:
        """Return the number of components to ask for; None where it is to be found."""
        return None if self.components == FOUND else truth + int(self.components.removeprefix(TRUE) or 0)


@dataclass(frozen=True)
class Limits:
    """Limit what a cell may use before it is ended.

    Parameters
    ----------
    seconds : float
    mib : float
        Resident memory of its process and of the processes that it starts.
    fresh : bool
        Every cell gets a process of its own, so that its peak memory is its own too.
    """

    seconds: float = 1800.0
    mib: float = 12000.0
    fresh: bool = False


@dataclass(frozen=True)
class Suite:
    """Say what is run.

    Parameters
    ----------
    name, title : str
    phantoms : tuple of Scene, or of Recording
    doses : tuple of float
        Mean counts per pixel of the specimen.
    seeds : tuple of int
    methods : tuple of str
        Ours, peers and baselines.
    components : tuple of str
        As in `Cell`.
    method_settings : dict of dict
        Settings that differ from the defaults, by name.
    limits : Limits
    modules : tuple of Path
        Python files that register further members.
    """

    name: str
    title: str
    phantoms: tuple[Scene | Recording, ...]
    doses: tuple[float, ...]
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    components: tuple[str, ...] = (TRUE,)
    method_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    modules: tuple[Path, ...] = ()

    def cells(self) -> list[Cell]:
        """Return all cells, those of one method together; bounds know the number of components."""
        return [
            Cell(scene, dose, seed, method, components, self.method_settings.get(method, {}))
            for method in self.methods
            for scene in self.phantoms
            for dose in self.doses
            for seed in self.seeds
            for components in ((TRUE,) if method in BASELINES else self.components)
        ]

    def only(self, **chosen: Iterable[str]) -> "Suite":
        """Narrow the suite: ``only(methods=["nmf"], doses=["5"])``, each given as it is written in TOML.

        Raises
        ------
        ValueError
            If a name or number is not part of the suite.
        """
        changes: dict[str, Any] = {}
        for key, wanted in chosen.items():
            present = {_written(value): value for value in getattr(self, key)}
            for name in wanted:
                require_name(name, present, f"{key.removesuffix('s')} of suite {self.name}")
            changes[key] = tuple(value for name, value in present.items() if name in set(wanted))
        return dataclasses.replace(self, **changes)


def _written(value: Any) -> str:
    if isinstance(value, Scene | Recording):
        return value.name
    return f"{value:g}" if isinstance(value, float) else str(value)

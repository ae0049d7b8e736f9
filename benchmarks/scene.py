"""Name what is acquired: a scene is a phantom with its settings, its detector and its acquisition.

A registered phantom is a scene of its own name, with all defaults. A suite defines others, in TOML::

    [scenes.film_realistic]
    phantom = "nicr_film"         # left out: the scene's own name
    detector = "realistic"        # of `bayesunmix.spectra.RESPONSES`, or a table of a `Detector`'s settings
    acquisition = {gain = 1.01}   # of `simulations.acquisition.ACQUISITIONS`, or a table of settings
    shape = [32, 32]              # whatever else is a setting of the phantom
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from bayesunmix.contracts.registry import require_name
from bayesunmix.spectra import RESPONSES, Detector
from simulations.acquisition import ACQUISITIONS, Acquisition
from simulations.phantom import PHANTOMS, Phantom
from simulations.trial import Trial, acquire

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Scene:
    """Describe what is acquired.

    Parameters
    ----------
    name : str
    phantom : str
        A registered name.
    settings : dict
        Settings of the phantom.
    detector : str or dict
        A name of `RESPONSES`, or settings of a `Detector`.
    acquisition : str or dict
        A name of `ACQUISITIONS`, or settings of an `Acquisition`.

    Raises
    ------
    ValueError
        If one of the names does not exist, or a setting is refused.
    """

    name: str
    phantom: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    detector: str | Mapping[str, Any] = "ideal"
    acquisition: str | Mapping[str, Any] = "ideal"

    def __post_init__(self) -> None:
        _chosen(self.detector, RESPONSES, Detector, f"detector of scene {self.name}")
        _ = self.recorded

    @classmethod
    def parse(cls, name: str, table: Mapping[str, Any]) -> "Scene":
        """Read the TOML table of a scene."""
        settings = dict(table)
        known: dict[str, Any] = {
            key: settings.pop(key) for key in ("phantom", "detector", "acquisition") if key in settings
        }
        return cls(**{"name": name, "phantom": name, "settings": settings, **known})

    @property
    def recorded(self) -> Acquisition:
        """Return how it is recorded."""
        return _chosen(self.acquisition, ACQUISITIONS, Acquisition, f"acquisition of scene {self.name}")

    def build(self) -> Phantom:
        """Return the phantom; built once in a process.

        Raises
        ------
        ValueError
            If the phantom refuses its settings.
        """
        return _build(self.phantom, json.dumps(self.settings), json.dumps(self.detector))

    @property
    def n_components(self) -> int:
        """Return the number of components of the phantom."""
        return self.build().truth.n_components

    def acquire(self, dose: float, seed: int) -> Trial:
        """Record photons."""
        return acquire(self.build(), dose, seed, self.recorded)

    def identity(self) -> tuple[str, dict[str, Any]]:
        """Return what decides the photons besides dose and seed: a hash of the truth, and the acquisition."""
        return self.build().digest()[:12], asdict(self.recorded)


@lru_cache(maxsize=4)
def _build(phantom: str, settings: str, detector: str) -> Phantom:
    given = json.loads(settings)
    if json.loads(detector) != "ideal":  # what a phantom takes where it is told nothing
        given["detector"] = _chosen(json.loads(detector), RESPONSES, Detector, "detector")
    try:
        return PHANTOMS[phantom](**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"phantom {phantom} cannot be made with {settings}: {error}") from error


def _chosen(asked: str | Mapping[str, Any], named: Mapping[str, Kind], kind: type[Kind], what: str) -> Kind:
    """Return the named member, or one made with a table of settings."""
    if isinstance(asked, str):
        require_name(asked, named, what)
        return named[asked]
    try:
        return kind(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in asked.items()}
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: {error}") from None

"""Gather what each test found in detail, for the report and for those who want to look."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from bayesunmix.validation.amounts.again import Repeated
from bayesunmix.validation.amounts.areas import Areas
from bayesunmix.validation.amounts.confusion import Confusion
from bayesunmix.validation.amounts.counts_needed import Pair
from bayesunmix.validation.amounts.suspect_pieces import SuspectPieces
from bayesunmix.validation.amounts.suspect_pixels import SuspectPixels
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.lines.claimed_elements import ElementListChecks
from bayesunmix.validation.lines.claimed_spectra import SpectrumChecks
from bayesunmix.validation.lines.element_maps import ElementMapChecks
from bayesunmix.validation.phases.cores import Cores
from bayesunmix.validation.phases.difference import Differences
from bayesunmix.validation.phases.edges import EdgeProfile
from bayesunmix.validation.phases.exchange import Exchange
from bayesunmix.validation.phases.missed import MissedPhases
from bayesunmix.validation.phases.mixture import Mixtures
from bayesunmix.validation.placement.registration import Registration
from bayesunmix.validation.recipes.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Unplaced:
    """Hold what is said of phases that no map places."""

    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, eq=False)
class Details:
    """Hold what the tests found; None for those that were not made.

    Those with a `quick` report are in the first part.
    """

    registration: Registration | None = None
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    cores: Cores | None = None
    exchange: Exchange | None = None
    differences: Differences | None = None
    mixtures: Mixtures | None = None
    missed: MissedPhases | None = None
    pieces: SuspectPieces | None = None
    areas: Areas | None = None
    spectra: SpectrumChecks | None = None
    elements: ElementListChecks | None = None
    maps: ElementMapChecks | None = None
    edge: EdgeProfile | None = None
    doses: tuple[Pair, ...] = ()
    confusion: Confusion | None = None
    pixels: SuspectPixels | None = None
    repeated: Repeated | None = None
    unplaced: Unplaced | None = None

    def evidence(self) -> Iterator[Evidence]:
        """Yield the evidence of every test."""
        for one in fields(self):
            value: Any = getattr(self, one.name)
            yield from getattr(value, "evidence", ())

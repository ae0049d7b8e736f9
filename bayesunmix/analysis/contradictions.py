"""Say which assumptions the counts contradict: no solution passes under them, or a given spectrum is none of theirs."""

import math
from collections.abc import Sequence

import numpy as np

from bayesunmix.analysis.assumptions import Assumption, Reference, component_number
from bayesunmix.analysis.references import CONTRADICTS, unexplained_share
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage

_BEGINNING = "The counts contradict that"


def contradicted(assume: Sequence[Assumption], worst: float) -> tuple[str, ...]:
    """Say so where even the best solution under all assumptions fails the test (`worst` > 1)."""
    if worst <= 1:
        return ()
    why = f"the best solution under it misses by {worst:.1f} times what noise explains"
    if math.isinf(worst):
        why = "two components would have the same spectrum, or change places"
    return (_said(" and that ".join(map(str, assume)), why),)


def unexplained(
    assume: Sequence[Assumption],
    rows: np.ndarray,
    known: np.ndarray,
    names: Sequence[str],
    estimate: Factorization,
    image: SpectrumImage,
) -> tuple[str, ...]:
    """Say which given spectra the components cannot have.

    Parameters
    ----------
    assume : sequence of Assumption
    rows : (K, K) array
        Of the rotation, as far as spectra are given for them.
    known : (K,) bool array
        Components that keep their own spectrum.
    names : K str
    estimate : Factorization
    image : SpectrumImage
    """
    found = []
    for one in assume:
        if not isinstance(one, Reference):
            continue
        k = component_number(one.component, names)
        row = np.eye(len(names))[k] if known[k] else rows[k]
        share = unexplained_share(one.spectrum, row @ estimate.endmembers, image)
        if share > CONTRADICTS:
            what = "its known spectrum" if known[k] else "any mixture of the components"
            found.append(_said(str(one), f"{what} leaves {100 * share:.0f} % of it unexplained"))
    return tuple(found)


def are_contradictions(warnings: Sequence[str]) -> tuple[str, ...]:
    """Return those warnings that say that the counts contradict an assumption."""
    return tuple(warning for warning in warnings if warning.startswith(_BEGINNING))


def _said(what: str, why: str) -> str:
    return f"{_BEGINNING} {what}: {why}. Do not use numbers that rest on it."

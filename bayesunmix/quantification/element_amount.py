"""Hold how much of one element something contains."""

from dataclasses import dataclass

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.quantification.amounts import Amount


@dataclass(frozen=True)
class ElementAmount:
    """Hold how much of one element something contains.

    Parameters
    ----------
    element : str
    line : str
        What was counted, "Fe_Ka"; "" for oxygen by stoichiometry.
    atomic, weight : Amount
        Fractions between 0 and 1.
    net : Quantity or None
        Net counts of the family of the line.
    remarks : tuple of str
        What speaks against taking the number at its word.
    """

    element: str
    line: str
    atomic: Amount
    weight: Amount
    net: Quantity | None
    remarks: tuple[str, ...] = ()

    @property
    def detected(self) -> bool:
        """Return whether the element is surely there; if not, `atomic.upper_limit` says how much there may be."""
        return self.atomic.upper_limit is None

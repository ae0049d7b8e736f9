"""Read what a material is made of: weight fractions of its elements, from a formula or as given."""

from collections.abc import Mapping

import numpy as np
import xraylib

from bayesunmix.spectra.lines import atomic_number


def weight_fractions(composition: str | Mapping[str, float]) -> dict[str, float]:
    """Return the weight fraction of each element.

    Parameters
    ----------
    composition : str, or mapping from str to float
        A chemical formula ("Fe2O3", "Mg0.9Fe0.1SiO3"), or weight fractions of elements that sum to one.

    Returns
    -------
    weights : dict of str to float
        Elements with a fraction above 0; the fractions sum to one.

    Raises
    ------
    ValueError
        If the formula cannot be read, an element is unknown, or the fractions are negative or do not sum to one.
    """
    if isinstance(composition, str):
        return _parsed(composition)
    weights = {element: float(weight) for element, weight in composition.items()}
    for element in weights:
        atomic_number(element)
    total = sum(weights.values())
    # Published tables are rounded to a tenth of a percent; whatever is further off is a mistake.
    if not weights or min(weights.values()) < 0 or not np.isclose(total, 1, rtol=0, atol=0.005):
        raise ValueError(
            f"weight fractions must not be negative and must sum to one, got {weights} with sum {total:g}; "
            "divide percent by 100, or pass a chemical formula"
        )
    return {element: weight / total for element, weight in weights.items() if weight > 0}


def _parsed(formula: str) -> dict[str, float]:
    try:
        parsed = xraylib.CompoundParser(formula)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"composition must be a chemical formula such as 'Fe2O3' of known elements, got {formula!r}"
        ) from error
    symbols = map(xraylib.AtomicNumberToSymbol, parsed["Elements"])
    return dict(zip(symbols, parsed["massFractions"], strict=True))

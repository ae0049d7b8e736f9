"""Lay out how much of the counts each component makes, with every error that can be given."""

import numpy as np

from bayesunmix.analysis.identification import Identified, identify
from bayesunmix.analysis.verdicts import judged
from bayesunmix.data.display.words import share_table
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing


def with_shares(result: Unmixing, image: SpectrumImage, identified: Identified | None) -> Unmixing:
    """Return the result with `info["fractions"]` and rotations, where it has error bars and nobody has judged them yet.

    Results of older versions have shares without rotations.
    """
    posterior, told = result.posterior, np.array(result.known) | np.array(result.unique)
    has_errors = posterior is not None or all(result.known)
    searched = posterior is None or posterior.rotations is not None or told.all()
    judged_before = "fractions" in result.info and searched
    if judged_before or not has_errors or not result.estimate.is_nonnegative:
        return result
    return judged(result, image, result.info.get("seed", 0), identified)[0]


def share_rows(
    result: Unmixing, image: SpectrumImage, identified: Identified | None
) -> list[tuple[str, ...]]:
    """Lay out the shares; those of a single estimate have a feasible range and no other error.

    Parameters
    ----------
    result : Unmixing
    image : SpectrumImage
    identified : Identified or None
        Computed where it is needed and not given.

    Returns
    -------
    list of tuple of str
        A heading, then a row for each component.
    """
    head, *rows = share_table(result.estimate, result.info, result.names)
    if "fractions" in result.info or not result.estimate.is_nonnegative:
        return [head, *rows]
    overall = (identified or identify(result, image)).overall
    ranges = [
        f"{100 * low:.1f} to {100 * high:.1f} %"
        for low, high in zip(np.asarray(overall.lower), np.asarray(overall.upper), strict=True)
    ]
    return [(*head, "feasible range"), *((*row, text) for row, text in zip(rows, ranges, strict=True))]

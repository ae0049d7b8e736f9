"""Verdicts: the share of all counts that each component makes, how wrong it may be, and whether the counts tell it."""

from dataclasses import replace

import numpy as np

from bayesunmix.analysis.identification import Identified, identify
from bayesunmix.analysis.quantity import Quantity
from bayesunmix.analysis.regions import Content, region
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Share, Unmixing


def judged(
    result: Unmixing, image: SpectrumImage, seed: int, identified: Identified | None = None
) -> tuple[Unmixing, list[str]]:
    """Add `info["fractions"]` and the posterior's rotations, and a warning where the counts do not determine a share.

    Parameters
    ----------
    result : Unmixing
        With a posterior.
    image : SpectrumImage
        The image that was unmixed.
    seed : int
        Decides the draws of the counts that each component has in the image, and the search for other solutions.
    identified : Identified, optional
        ``bayesunmix.identify(result, image)``; computed where not given.

    Returns
    -------
    result : Unmixing
    undetermined : list of str
        The sentences about shares that the counts do not determine, and about sums that they do.
    """
    identified = identified or identify(result, image)
    whole = region(result, image, np.ones(image.navigation_shape, bool), identified=identified, seed=seed)
    fractions = {content.name: content.fraction for content in whole.components}
    undetermined = _not_determined(fractions, image.spectral_axis.is_xray)
    undetermined += [_only_together(content) for content in whole.sums]
    found = [sentence for sentence in whole.warnings if sentence != result.doubt]  # which `info` says already
    info: Info = {
        **result.info,
        **({"assumptions": list(identified.assumptions)} if identified.assumptions else {}),
        "fractions": {name: _plain(share) for name, share in fractions.items()},
        "warnings": list(dict.fromkeys([*result.info.get("warnings", ()), *found, *undetermined])),
    }
    posterior = result.posterior
    if posterior is not None and not identified.known.all():
        posterior = replace(posterior, rotations=identified.rotations)
    return replace(result, info=info, posterior=posterior), undetermined


def _plain(share: Quantity) -> Share:
    return {
        "mean": share.mean,
        "lower": share.lower,
        "upper": share.upper,
        "counting_sd": share.counting_sd,
        "endmember_sd": share.endmember_sd,
        "feasible_half_width": share.feasible_half_width,
        "identified": share.identified,
    }


def _not_determined(fractions: dict[str, Quantity], is_xray: bool) -> list[str]:
    """Say for which components other shares fit as well, and what would decide."""
    open_ones = [
        f"{name} ({share.feasible[0]:.3f} to {share.feasible[1]:.3f})"
        for name, share in fractions.items()
        if share.identified == "no" and share.feasible is not None
    ]
    if not open_ones:
        return []
    what = (
        'stating which elements each phase holds (endmember_model="phases") can'
        if is_xray
        else "giving the spectra that are known (method 'nmf_semi') can"
    )
    return [
        f"The counts do not determine the fraction of {', '.join(open_ones)}: every value in the range fits them as "
        f"well. More counts will not narrow a range; {what}."
    ]


def _only_together(content: Content) -> str:
    share = content.fraction
    return (
        f"The counts do not tell {content.name.replace(' + ', ' and ')} apart; together they make {share.mean:.3f} of "
        f"all counts ({share.lower:.3f} to {share.upper:.3f}), which is known better. Quote the sum."
    )

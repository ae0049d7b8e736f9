"""Read which parts of an image are to be quantified: regions by mask, and the phases of a claim."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesunmix.claims.claim import Claim
from bayesunmix.claims.on_grid import on_grid
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask


def asked_parts(
    regions: Mapping[str, Any] | None, claim: Claim | None, image: SpectrumImage, taken: Sequence[str]
) -> dict[str, tuple[Any, np.ndarray]]:
    """Return kind and pixels of each region and each claimed phase, by names that no component has.

    Raises
    ------
    TypeError, ValueError
        If they are none of the forms, or a region is empty.
    """
    if regions is not None and not isinstance(regions, Mapping):
        raise TypeError(
            f"regions must be a mapping from names to masks, such as {{'grain': mask}}, got {type(regions).__name__}"
        )
    takes_part = image.takes_part.reshape(image.navigation_shape)
    found: dict[str, tuple[Any, np.ndarray]] = {}
    for name, mask in (regions or {}).items():
        found[_free(str(name), "region", taken)] = (
            "region",
            require_mask(mask, image.navigation_shape) & takes_part,
        )
    if claim is not None:
        if not isinstance(claim, Claim):
            raise TypeError(
                f"claim must be a bayesunmix.Claim, got {type(claim).__name__}; bayesunmix.read_claim reads one"
            )
        if claim.labels is None:
            raise ValueError(
                "the claim must have a map of phases to quantify, and it has none; give its labels"
            )
        if len(image.navigation_shape) != 2:
            raise ValueError(
                f"a claim is of a map with two axes, and this image has {len(image.navigation_shape)}; take a slice"
            )
        rows, columns = image.navigation_shape
        labels = on_grid(claim.labels, (rows, columns))
        for number, name in enumerate(claim.names):
            if (pixels := (labels == number) & takes_part).any():
                found[_free(name, "claimed", [*taken, *found])] = ("phase", pixels)
    for name, (_, mask) in found.items():
        if not mask.any():
            raise ValueError(
                f"the region {name!r} must contain a pixel inside the image's mask, got none; mark its pixels by True"
            )
    return found


def _free(name: str, what: str, taken: Sequence[str]) -> str:
    """Return the name, with a word added where it is taken."""
    return f"{name} ({what})" if name in taken else name

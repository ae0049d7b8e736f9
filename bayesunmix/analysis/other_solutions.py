"""Find the other solutions of a result that fit as well, or take those that are given."""

from bayesunmix.analysis.identification import Identified, identify, recalled
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing


def other_solutions(
    result: Unmixing, image: SpectrumImage, identified: Identified | None, seed: int
) -> Identified:
    """Return the other solutions: those given, those that the result has, or else found, in seconds.

    Raises
    ------
    TypeError, ValueError
        If what is given is no `Identified` of this result.
    """
    if identified is None:
        return recalled(result, image) or identify(result, image, seed=seed)
    if not isinstance(identified, Identified):
        raise TypeError(
            f"identified must be what bayesunmix.identify returns, got {identified!r}; leave it out to have it found"
        )
    if identified.rotations.shape[1] != len(result.names):
        raise ValueError(
            f"identified must be bayesunmix.identify(result, image) of this result, which has {len(result.names)} "
            f"components, got one of {identified.rotations.shape[1]}"
        )
    return identified

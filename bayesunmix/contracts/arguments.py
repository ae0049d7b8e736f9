"""Check arguments: settings of a method (numbers, choices, switches), an image, a result, a seed."""

import dataclasses
import numbers
import types
import typing
from typing import Any

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing


def require_positive(settings: Any) -> None:
    """Require every field of a dataclass that is declared a number to be positive.

    None passes where the declaration allows it.

    Raises
    ------
    TypeError
        If a value is not a number, or is not whole where the field is declared int.
    ValueError
        If a value is not greater than 0.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        declared = typing.get_args(field.type) or (field.type,)
        if not {int, float} & set(declared) or (value is None and types.NoneType in declared):
            continue
        number, words = (numbers.Real, "number") if float in declared else (numbers.Integral, "whole number")
        name = f"setting {field.name} of {type(settings).__name__}"
        if isinstance(value, bool) or not isinstance(value, number):
            raise TypeError(f"{name} must be a {words}, got {value!r}; its default is {field.default}")
        if not float(value) > 0:
            raise ValueError(f"{name} must be greater than 0, got {value}; its default is {field.default}")


def require_choice(settings: Any) -> None:
    """Require every field of a dataclass that is declared a choice (`Literal`) or a switch (bool) to be one of these.

    Raises
    ------
    ValueError
        If a value is not one of the choices, which the message lists.
    """
    for field in dataclasses.fields(settings):
        choices = (False, True) if field.type is bool else typing.get_args(field.type)
        if field.type is not bool and typing.get_origin(field.type) is not typing.Literal:
            continue
        value = getattr(settings, field.name)
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            *others, last = map(repr, choices)
            raise ValueError(
                f"setting {field.name} of {type(settings).__name__} must be {', '.join(others)} or {last}, "
                f"got {value!r}; its default is {field.default!r}"
            )


def require_seed(seed: Any) -> None:
    """Raise `ValueError` unless `seed` is a whole number that JAX takes as a key."""
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= int(seed) < 2**32:
        raise ValueError(f"seed must be a whole number from 0 to 2**32 - 1, got {seed!r}")


def require_image(image: Any) -> None:
    """Raise `TypeError` unless `image` is a `SpectrumImage`."""
    if not isinstance(image, SpectrumImage):
        raise TypeError(
            f"image must be a SpectrumImage, got {type(image).__name__}; "
            "make one with bayesunmix.SpectrumImage(counts, energy_kev) or bayesunmix.read(file)"
        )


def require_result_of(result: Any, image: Any) -> None:
    """Require a result and the image that was unmixed, in this order.

    Raises
    ------
    TypeError
        If one of the two is something else.
    ValueError
        If the result has other pixels or channels than the image.
    """
    if not isinstance(result, Unmixing):
        swapped = isinstance(result, SpectrumImage)
        raise TypeError(
            f"result must be what bayesunmix.unmix returns, got {type(result).__name__}; "
            + ("pass the result first and the image second" if swapped else "unmix the image first")
        )
    require_image(image)
    require_estimate_of(result.estimate, image)


def require_estimate_of(estimate: Factorization, image: SpectrumImage) -> None:
    """Raise `ValueError` unless an estimate has the pixels and the channels of the image."""
    size = (len(estimate.abundances), estimate.endmembers.shape[1])
    if size != image.counts.shape:
        raise ValueError(
            f"the result must be of this image, which has {image.n_pixels} pixels and {image.n_channels} channels, "
            f"got one of {size[0]} and {size[1]}; pass the image that was unmixed"
        )


def require_nonnegative(result: Unmixing, why: str) -> None:
    """Raise `ValueError` unless the estimate has no negative values; `why` says what they would spoil."""
    if not result.estimate.is_nonnegative:
        raise ValueError(
            f"the result must not be negative, and this one is (PCA and ICA are): {why}; use another method, "
            "for example 'bayes' or 'nmf'"
        )


def require_posterior(result: Unmixing, what: str) -> Posterior:
    """Return the posterior; raise `ValueError`, which names what needs it, where there is none."""
    if result.posterior is None:
        raise ValueError(
            f"{what} needs a result with a posterior, and this one has a single estimate, which does not say how wrong "
            "it is; use method='bayes'"
        )
    return result.posterior


def require_share(name: str, value: Any, example: str) -> None:
    """Raise `ValueError` unless a value lies between 0 and 1; the example says what one of them means."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value!r}; {example}")

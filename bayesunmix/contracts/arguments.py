"""Checks that several callers share: a method's settings (numbers, choices, switches), an image, a seed."""

import dataclasses
import numbers
import types
import typing
from typing import Any

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage


def require_positive(settings: Any) -> None:
    """Check every field of a dataclass that is declared a number; None passes where the declaration allows it.

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
    """Check every field of a dataclass that is declared a choice (`Literal`) or a switch (bool).

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


def require_result_of(image: SpectrumImage, estimate: Factorization) -> None:
    """Raise `ValueError` unless an estimate has the pixels and the channels of the image."""
    size = (len(estimate.abundances), estimate.endmembers.shape[1])
    if size != image.counts.shape:
        raise ValueError(
            f"the result must be of this image, which has {image.n_pixels} pixels and {image.n_channels} channels, "
            f"got one of {size[0]} and {size[1]}; pass the image that was unmixed"
        )

"""Checks on a method's settings, shared because every method is a frozen dataclass of numbers."""

import dataclasses
from typing import Any


def require_positive(settings: Any) -> None:
    """Raise `ValueError` unless every numeric field of a dataclass is greater than 0 (None is left alone)."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
            raise ValueError(
                f"setting {field.name} of {type(settings).__name__} must be greater than 0, got {value}"
            )

"""Values of settings as they are typed, read by the declared type of the setting."""

import json
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SWITCH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def read_value(declared: Any, text: str) -> Any:
    """Read a value of a declared type.

    Raises
    ------
    ValueError
        If the text is none.
    """
    text = text.strip()
    if types.NoneType in _choices(declared):
        if text.lower() == "none":
            return None
        declared = _without_none(declared)
    origin, inner = typing.get_origin(declared), typing.get_args(declared)
    if origin is typing.Literal:
        return {str(choice): choice for choice in inner}[text]
    if origin is tuple:
        return _sequence(inner[0], text)
    if origin in (dict, Mapping):
        value = json.loads(text)
        if not isinstance(value, dict):
            raise ValueError(text)
        return value
    if declared is bool:
        return _SWITCH[text.lower()]
    if declared in (int, float) or not text:
        return declared(text) if text else _refuse(text)
    return text


def words_of(declared: Any) -> str:
    """Say what a value of a declared type must be."""
    if types.NoneType in _choices(declared):
        return f"{words_of(_without_none(declared))}, or none"
    origin, inner = typing.get_origin(declared), typing.get_args(declared)
    if origin is typing.Literal:
        return " or ".join(map(str, inner))
    if origin is tuple and typing.get_origin(inner[0]) is tuple:
        strings = typing.get_args(inner[0])[0] is str
        return (
            "groups such as Si;Cr;Ni+Al"
            if strings
            else "rows such as 0.1,0.9;0.7,0.3, or a .csv or .npy file"
        )
    if origin is tuple:
        return "names such as Ni,Cr" if inner[0] is str else "numbers such as 1,2"
    if origin in (dict, Mapping):
        return 'JSON such as {"n_starts": 4}'
    return {bool: "yes or no", int: "a whole number", float: "a number"}.get(declared, "a word")


def typed(value: Any) -> str:
    """Write a value as one would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        inside = [
            ("+" if isinstance(v[0], str) else ",").join(map(str, v)) for v in value if isinstance(v, tuple)
        ]
        return ";".join(inside) if inside else ",".join(map(str, value))
    return "none" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)


def _sequence(inner: Any, text: str) -> tuple[Any, ...]:
    """Read names or numbers with commas between them, or groups of these with semicolons between them."""
    if typing.get_origin(inner) is not tuple:
        return tuple(read_value(inner, part) for part in text.split(","))
    (one, *_) = typing.get_args(inner)
    if one is not str and Path(text).suffix.lower() in (".csv", ".npy"):
        return _rows_of_file(text)
    between = r"[,+]" if one is str else ","
    return tuple(
        tuple(read_value(one, part) for part in re.split(between, group)) for group in text.split(";")
    )


def _rows_of_file(text: str) -> tuple[tuple[float, ...], ...]:
    """Read spectra: a .npy array (K, C), or a table as `endmembers.csv`, whose first column is the energy."""
    import numpy as np

    from bayesunmix.running.home import at_home

    path = at_home(text)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    if path.suffix.lower() == ".npy":
        values = np.load(path, allow_pickle=False)
    else:
        values = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)[:, 1:].T
    return tuple(map(tuple, np.atleast_2d(values).astype(float).tolist()))


def _choices(declared: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(declared) in (typing.Union, types.UnionType)
    return typing.get_args(declared) if is_union else ()


def _without_none(declared: Any) -> Any:
    return next(choice for choice in _choices(declared) if choice is not types.NoneType)


def _refuse(text: str) -> Any:
    raise ValueError(text)

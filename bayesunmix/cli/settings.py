"""Settings of a method: what there are, and what `--set name=value` makes of them."""

import dataclasses
import difflib
import inspect
import re
import typing
from collections.abc import Sequence
from typing import Any, NamedTuple

from bayesunmix.cli.setting_types import read_value, typed, words_of


class Setting(NamedTuple):
    """A setting: its name, its declared type, its default as one would type it, what its docstring says."""

    name: str
    declared: Any
    default: str
    said: str


def settings_of(method: type) -> dict[str, Setting]:
    """Return the settings of a method by name; a method that is no dataclass has none."""
    if not dataclasses.is_dataclass(method):
        return {}
    declared, said = typing.get_type_hints(method), _parameters(method.__doc__ or "")
    return {
        field.name: Setting(field.name, declared[field.name], _default(field), said.get(field.name, ""))
        for field in dataclasses.fields(method)
        if field.init
    }


def read_settings(name: str, method: type, texts: Sequence[str]) -> dict[str, Any]:
    """Read what followed `--set`, and check it.

    Parameters
    ----------
    name : str
        Of the method.
    method : type
    texts : sequence of str
        "n_draws=400", ...

    Raises
    ------
    TypeError, ValueError
        If a setting is unknown, given twice, or of another type.
    """
    present, read = settings_of(method), {}
    for text in texts:
        setting, equals, value = text.partition("=")
        setting = setting.strip()
        if not equals:
            raise ValueError(f"--set must be name=value, got {text!r}; for example --set n_draws=400")
        if setting not in present:
            raise ValueError(_unknown(name, setting, present))
        if setting in read:
            raise ValueError(f"setting {setting} is given twice; give it once")
        read[setting] = _value(name, present[setting], value)
    method(**read)  # checks the values themselves
    return read


def _value(name: str, setting: Setting, text: str) -> Any:
    try:
        return read_value(setting.declared, text)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"setting {setting.name} of {name} must be {words_of(setting.declared)}, got {text!r}; "
            f"its default is {setting.default}"
        ) from error


def _unknown(name: str, setting: str, present: dict[str, Setting]) -> str:
    near = difflib.get_close_matches(setting, present, n=1, cutoff=0.6)
    hint = f" did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(f"{s.name}={s.default}" for s in present.values()) or "none"
    return f"method {name!r} has no setting {setting!r};{hint} its settings are {listed}"


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default is not dataclasses.MISSING:
        return typed(field.default)
    return "required" if field.default_factory is dataclasses.MISSING else typed(field.default_factory())


def _parameters(docstring: str) -> dict[str, str]:
    """Read the section "Parameters" of a docstring: what it says of each name."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\w.*\n-{3,}|\Z)", inspect.cleandoc(docstring), re.S | re.M
    )
    said: dict[str, str] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else ():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.partition(":")[0].split(",")]
        else:
            for name in names:
                said[name] = f"{said.get(name, '')} {line.strip()}".strip().replace("`", "")
    return said

"""`bayesunmix methods`: what there is to unmix with, and the settings of each."""

import itertools
import textwrap
from typing import Annotated

import typer

EXAMPLE = """\
Example:
  bayesunmix methods bayes"""
_WIDTH = 79


def methods(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Show the settings of this method.", show_default=False),
    ] = None,
) -> None:
    """List the methods, one a line; or, with NAME, the settings of one, for `unmix --set`."""
    from bayesunmix.contracts.method import METHODS

    if name is not None:
        _show(name, METHODS[name])
        return
    for name in METHODS:
        print(f"{name:<17} {METHODS.summary(name)}")


def _show(name: str, method: type) -> None:
    from bayesunmix.cli.setting_types import words_of
    from bayesunmix.cli.settings import settings_of

    first_line = next(iter((method.__doc__ or "no description").strip().splitlines()))
    print(textwrap.fill(f"{name}: {first_line}", _WIDTH) + "\n")
    settings = settings_of(method).values()
    if not settings:
        print("It has no settings.")
        return
    print(f"Settings for `--method {name} --set NAME=VALUE`, and their defaults:")
    for said, together in itertools.groupby(settings, key=lambda setting: setting.said):
        print()
        for setting in together:
            print(f"{setting.name}={setting.default}  ({words_of(setting.declared)})")
        if said:
            print(textwrap.fill(said, _WIDTH, initial_indent="    ", subsequent_indent="    "))

"""Mistakes in how a command was typed, each as one sentence."""

import re

import typer

# `UsageError` and its base of the click that typer brings or depends on; typer itself exports only this one.
Misuse: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def sentence_of(error: Exception) -> str:
    """Say what was wrong, what may have been meant, and which `--help` shows what is right."""
    said = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
    said = re.sub(r"\s*\(Possible options: (.*)\)$", r"; did you mean \1?", said)
    said = re.sub(r"[.]? Did you mean (.*)", r"; did you mean \1", said)
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "bayesunmix"
    joint = "" if said.endswith("?") else ";"
    return f"{said[:1].lower()}{said[1:]}{joint} `{asked} --help` shows what there is"

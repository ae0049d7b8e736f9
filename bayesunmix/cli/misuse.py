"""Mistakes in how a command was typed, each as one sentence."""

import typer

# `UsageError` and its base of the click that typer brings or depends on; typer itself exports only this one.
Misuse: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def sentence_of(error: Exception) -> str:
    """Say what was wrong, and which `--help` shows what is right."""
    said = error.format_message().strip().rstrip(".")  # type: ignore[attr-defined]
    said = " ".join(said.split())
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "bayesunmix"
    return f"{said[:1].lower()}{said[1:]}; `{asked} --help` shows what there is"

"""Write what each command line says of itself (`--help`) into pages, so that the site cannot be out of date."""

import os
import re
import subprocess
import sys
from pathlib import Path

_PROGRAMS = {
    "bayesunmix": ("bayesunmix", ["-c", "from bayesunmix.cli import main; main()"]),
    "simulations": ("python -m simulations", ["-m", "simulations"]),
    "benchmarks": ("python -m benchmarks", ["-m", "benchmarks"]),
}
_WIDTH = 88


def write(folder: Path) -> None:
    """Write a page for each program: its own help, and that of each of its commands.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (shown, arguments) in _PROGRAMS.items():
        overview = _help(arguments, [])
        parts = [f"({name}-command)=", f"# {shown}", _block(overview)]
        for command in _commands(overview):
            parts += [f"## {shown} {command}", _block(_help(arguments, [command]))]
        text = "\n\n".join(parts) + "\n"
        (folder / f"cli_{name}.md").write_text(text, encoding="utf-8")


def _help(arguments: list[str], command: list[str]) -> str:
    """Return the help of a command as plain text."""
    plain = {"COLUMNS": str(_WIDTH), "TERMINAL_WIDTH": str(_WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, *arguments, *command, "--help"],
        env=os.environ | plain,
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def _commands(overview: str) -> list[str]:
    """Read the names of the commands off the help of a program, with or without a frame around its tables."""
    inside, found = False, []
    for line in overview.splitlines():
        if "Commands" in line:
            inside = True
        elif inside and not line.strip():
            break  # the examples follow
        elif inside and (match := re.match(r"(?:│ | {2})([a-z][a-z-]*)(?: |$)", line)):
            found.append(match.group(1))
    return found


def _block(text: str) -> str:
    return f"```text\n{text}\n```"

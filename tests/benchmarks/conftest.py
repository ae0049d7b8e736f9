"""Tiny suites with stub methods, and a registry that forgets them afterwards."""

import sys
from pathlib import Path

import pytest

from bayesunmix import METHODS
from benchmarks import provenance
from benchmarks.suite_file import load_suite

STUBS = Path(__file__).with_name("stub_methods.py")
TINY = """
title = "A tiny suite"
phantoms = ["nicr_film"]
doses = [10, 40]
seeds = [0, 1, 2]
methods = [{methods}]
baselines = ["mean_spectrum"]
components = [{components}]
modules = ["{stubs}"]

[scenes.nicr_film]
shape = [6, 16]
n_channels = 50
pixel_nm = 16.0
"""


@pytest.fixture(scope="session")
def write_suite():
    """Write a suite of the named stub methods into a folder and return its path."""

    def write(folder: Path, *methods: str, more: str = "", components: str = '"true"') -> Path:
        path = folder / "tiny.toml"
        names = ", ".join(f'"{method}"' for method in methods)
        path.write_text(TINY.format(methods=names, stubs=STUBS.as_posix(), components=components) + more)
        return path

    return write


@pytest.fixture(scope="module")
def load_tiny(write_suite, tmp_path_factory):
    """Load such a suite in this process; the stubs leave the registry when the module's tests end.

    The hash of the code is held fixed, so that nobody who saves a file during the tests changes the cells.
    """

    def load(*methods: str, **more: str):
        return load_suite(str(write_suite(tmp_path_factory.mktemp("suite"), *methods, **more)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(METHODS, "_members", dict(METHODS._members))
        patch.setattr(provenance, "code_digest", lambda *_: "the code")
        yield load
    sys.modules.pop("_suite_module_stub_methods", None)

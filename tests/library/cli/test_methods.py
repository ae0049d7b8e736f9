"""`bayesunmix methods`, and `--set`: settings as they are typed."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.cli.setting_types import read_value, typed, words_of
from bayesunmix.cli.settings import settings_of


def test_methods_lists_every_method_with_a_line(run):
    status, out, _ = run("methods")
    assert status == 0
    listed = [line.split(maxsplit=1) for line in out.splitlines()]
    assert [name for name, _ in listed] == list(bu.METHODS)


def test_methods_shows_the_settings_of_one(run):
    status, out, _ = run("methods", "bayes")
    assert status == 0
    assert out.startswith("bayes: Bayesian Poisson NMF")
    for line in (
        "n_chains=2  (a whole number)\nn_warmup=150",
        "phases=none  (groups such as Si;Cr;Ni+Al, or none)",
    ):
        assert f"\n{line}" in out
    assert max(map(len, out.splitlines())) <= 80
    said = out.split("n_maps=none")[1].split("\n\n")[0]
    assert "that get maps" in " ".join(said.split())
    assert run("methods", "cli_bare")[1].endswith("It has no settings.\n")
    status, _, err = run("methods", "byes")
    assert status == 2 and "did you mean 'bayes'" in err


@pytest.mark.parametrize("name", list(bu.METHODS))
def test_the_default_of_every_setting_can_be_typed(name):
    method = bu.METHODS[name]
    for setting in settings_of(method).values():
        assert read_value(setting.declared, setting.default) == getattr(method(), setting.name)
        assert words_of(setting.declared) != "a word" or setting.declared is str
        assert setting.name in method.__doc__


@pytest.mark.parametrize(
    ("declared", "text", "value"),
    [
        (int, "12", 12),
        (int | None, "None", None),
        (float, "1e-3", 0.001),
        (float, "3", 3.0),
        (bool, "yes", True),
        (bool, "False", False),
        (str, "multiscale", "multiscale"),
        (str | None, "none", None),
        (Literal["blind", "lines"], "lines", "lines"),
        (tuple[str, ...] | None, "Ni, Cr", ("Ni", "Cr")),
        (tuple[tuple[str, ...], ...] | None, "Si;Cr;Ni+Al", (("Si",), ("Cr",), ("Ni", "Al"))),
        (tuple[tuple[str, ...], ...] | None, "Ni,Al", (("Ni", "Al"),)),
        (tuple[tuple[float, ...], ...] | None, "0.5,0.5;1,0", ((0.5, 0.5), (1.0, 0.0))),
        (Mapping[str, Any] | None, '{"n_starts": 4}', {"n_starts": 4}),
    ],
)
def test_a_value_is_read_by_the_declared_type(declared, text, value):
    read = read_value(declared, text)
    assert read == value and type(read) is type(value)
    assert read_value(declared, typed(value)) == value


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (int, "1.5"),
        (int, ""),
        (float, "a"),
        (bool, "2"),
        (str, ""),
        (Literal["a"], "b"),
        (Mapping[str, Any], "[]"),
    ],
)
def test_a_value_of_another_type_is_refused(declared, text):
    with pytest.raises((ValueError, KeyError)):
        read_value(declared, text)


def test_spectra_are_read_from_files(tmp_path):
    declared, spectra = tuple[tuple[float, ...], ...] | None, ((0.5, 0.25, 0.25), (0.0, 0.5, 0.5))
    np.save(tmp_path / "known.npy", np.array(spectra))
    assert read_value(declared, str(tmp_path / "known.npy")) == spectra
    table = np.vstack([[1, 2, 3], spectra]).T
    np.savetxt(tmp_path / "known.csv", table, delimiter=",", header="energy_kev,a,b", comments="")
    assert read_value(declared, str(tmp_path / "known.csv")) == spectra


def test_settings_reach_the_method_and_the_summary(unmix, tmp_path, strict):
    assert unmix("--set", "mode = odd")[0] == 0
    assert strict(tmp_path / "out" / "summary.json")["settings"] == {"mode": "odd"}
    assert bu.load_result(tmp_path / "out" / "result.nc").info["settings"] == {"mode": "odd"}

"""What the tests of the command line share: a small file, methods that need no fit, and a way to type a command."""

import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix import cli
from simulations.phantom import PHANTOMS
from simulations.trial import acquire


@dataclass(frozen=True)
class Probe:
    """Splits every pixel's counts evenly; with `mode` it misbehaves in one of the ways a method can."""

    mode: str = ""

    def fit(self, image, n_components, key):
        if Probe.fails is not None:
            raise Probe.fails
        shares = np.random.default_rng(1).dirichlet(np.ones(image.n_channels), n_components)
        totals = image.total_map().reshape(-1, 1) / n_components
        info = {
            "converged": False,
            "warnings": ["no good"],
            "objective": [np.float32(2.5), np.nan],
            "odd": {1, 2},
            **({"interrupted": True} if Probe.interrupted else {}),
        }
        estimate = bu.Factorization(shares, np.repeat(totals, n_components, axis=1))
        posterior = None
        if Probe.draws:
            noise = np.random.default_rng(2).gamma(50, 1 / 50, (2, 9, 1, 1))
            posterior = bu.Posterior(shares * noise, estimate.abundances * noise, calibrated=False)
        return bu.Unmixing(estimate, posterior, info)


@dataclass(frozen=True)
class Films:
    """Knows the spectra of the film's materials, and draws abundances about the truth as counting would."""

    def fit(self, image, n_components, key):
        rng = np.random.default_rng(3)
        channels = np.isin(Films.energy_kev, image.energy_kev)
        truth = bu.Factorization(Films.truth.endmembers[:, channels], Films.truth.abundances)
        abundances = truth.abundances * truth.endmembers.sum(axis=1)
        shares = truth.endmembers / truth.endmembers.sum(axis=1, keepdims=True)
        draws = rng.gamma(5e4 * shares + 0.5, size=(2, 20, *shares.shape))
        draws /= draws.sum(axis=-1, keepdims=True)
        maps = rng.gamma(abundances + 0.5, size=(2, 20, *abundances.shape))
        return bu.Unmixing(
            bu.Factorization(shares, maps.mean(axis=(0, 1))), bu.Posterior(draws, maps), {"converged": True}
        )


class Bare:
    """A method without settings."""

    def fit(self, image, n_components, key):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def probe(monkeypatch):
    # Taken out again after each test, so that no other test meets it among the methods.
    monkeypatch.setitem(bu.METHODS._members, "cli_probe", Probe)
    monkeypatch.setitem(bu.METHODS._members, "cli_bare", Bare)
    monkeypatch.setattr(Probe, "fails", None, raising=False)
    monkeypatch.setattr(Probe, "draws", False, raising=False)
    monkeypatch.setattr(Probe, "interrupted", False, raising=False)
    return Probe


@pytest.fixture
def file(tmp_path):
    counts = np.random.default_rng(0).poisson(2, (3, 4, 30))
    path = tmp_path / "map.npz"
    axes = (bu.Axis("y", 2.0, "nm"), bu.Axis("x", 2.0, "nm"))
    bu.write(bu.SpectrumImage(counts, 0.105 + 0.01 * np.arange(30), axes=axes), path)
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """Type a command: ``status, out, err = run("check", folder)``."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["bayesunmix", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def unmix(run, file, tmp_path):
    def call(*more, source=file, components=2, method="cli_probe"):
        request = ("--components", components, "--method", method, "--out", tmp_path / "out")
        return run("unmix", source, *request, *more)

    return call


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """Return a folder of results: a film, cropped below 1.5 keV, its first row of pixels masked. Leave it as it is."""
    home = tmp_path_factory.mktemp("film")
    trial = acquire(PHANTOMS["nicr_film"]((8, 40), n_channels=450, vacuum_nm=0), 200, 0)
    bu.write(trial.image, home / "film.npz")
    np.save(home / "mask.npy", np.arange(8)[:, None] + np.zeros(40) > 0)
    request = ["unmix", "film.npz", "--out", "film", "--components", "3", "--method", "cli_films"]
    request += ["--mask", "mask.npy", "--crop-below", "1.5", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(bu.METHODS._members, "cli_films", Films)
        patch.setattr(Films, "truth", trial.truth, raising=False)
        patch.setattr(Films, "energy_kev", trial.image.energy_kev, raising=False)
        patch.setattr(sys, "argv", ["bayesunmix", *request])
        patch.chdir(home)
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    return home / "film"


@pytest.fixture(scope="session")
def prepared(film):
    """Return the result and the image that the commands must find, by other means."""
    mask = np.load(film.parent / "mask.npy")
    image = bu.read(film.parent / "film.npz").within(mask).crop(low=1.5)
    return bu.load_result(film / "result.nc"), image


@pytest.fixture
def strict():
    """Read JSON that has no NaN and no infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    def read(path):
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)

    return read

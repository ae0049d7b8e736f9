"""Peers: other people's unmixing of the same counts, in processes and environments of their own."""

import numpy as np
import pytest

from bayesunmix import match, spectral_angles
from benchmarks import peer as contract
from benchmarks.peer import PEERS, PeerMissing, python_of, unmix_with_peer
from simulations.phantom import PHANTOMS

BROKEN = """
import os
from dataclasses import dataclass
from typing import ClassVar
from benchmarks.peer import PEERS

@PEERS.register("broken")
@dataclass(frozen=True)
class Broken:
    environment: ClassVar[str] = "main"
    modules: ClassVar[tuple[str, ...]] = ()
    how: str = "raises"

    def fit(self, counts, energy_kev, navigation_shape, n_components, seed):
        if self.how == "dies":
            os.kill(os.getpid(), 9)
        raise RuntimeError("no solution today")
"""


@pytest.fixture(scope="module")
def trial():
    return PHANTOMS["nicr_film"](shape=(16, 32), pixel_nm=8.0, n_channels=200).acquire(50, 0)


@pytest.fixture
def broken(tmp_path, monkeypatch):
    monkeypatch.setattr(PEERS, "_members", dict(PEERS._members))
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("broken")
    yield
    __import__("sys").modules.pop("broken")


@pytest.mark.parametrize("name", list(PEERS))
def test_a_peer_gives_what_a_method_gives(trial, name):
    try:
        python_of(PEERS[name].environment)
    except PeerMissing as missing:
        pytest.skip(str(missing))
    result = unmix_with_peer(name, trial.image, 3, 0, {})
    estimate = result.estimate
    assert estimate.endmembers.shape == (3, 200)
    assert estimate.abundances.shape == (512, 3)
    assert np.isfinite(estimate.endmembers).all() and np.isfinite(estimate.abundances).all()
    assert result.info["fit_seconds"] > 0
    assert result.info["peak_mib"] > 10
    assert "numpy" in result.info["versions"]
    if "pca" not in name:
        angles = spectral_angles(trial.truth.endmembers, estimate.endmembers)
        order = match(trial.truth.endmembers, estimate.endmembers)
        assert angles[np.arange(3), order].max() < 20, "it finds the film at 50 counts per pixel"


@pytest.mark.parametrize(
    ("how", "sentence"), [("raises", "no solution today"), ("dies", "was ended by SIGKILL")]
)
def test_a_process_that_fails_is_one_sentence(broken, trial, how, sentence):
    with pytest.raises(RuntimeError, match=sentence) as error:
        unmix_with_peer("broken", trial.image, 3, 0, {"how": how})
    assert "\n" not in str(error.value)


def test_a_missing_environment_says_why_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "ENVIRONMENTS", tmp_path)
    with pytest.raises(PeerMissing, match=r"the environment espm is not installed; `make peers` installs it"):
        python_of("espm")
    (tmp_path / "espm").mkdir()
    (tmp_path / "espm" / "install.log").write_text("Collecting espm\nERROR: No matching distribution found\n")
    with pytest.raises(
        PeerMissing, match=r"could not be installed \(ERROR: No matching distribution found\)"
    ):
        python_of("espm")

"""Peers: other people's unmixing of the same counts, in processes and environments of their own."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from bayesunmix import Factorization, SpectrumImage, match, spectral_angles
from bayesunmix.data.order import by_share
from benchmarks import peer as contract
from benchmarks.missing import Missing
from benchmarks.peer import PEERS, ROOT, python_of
from benchmarks.peer_method import unmix_with_peer
from benchmarks.suite_file import load_modules
from simulations import PHANTOMS, acquire

STUBS = Path(__file__).with_name("stub_peers.py")
REAL = list(PEERS)
IN_MAIN = [name for name in REAL if PEERS[name].environment == "main"]


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"](shape=(16, 32), pixel_nm=8.0, n_channels=200), 50, 0)


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(PEERS, "_members", dict(PEERS._members))
    load_modules([STUBS])
    yield "stub_peer"
    sys.modules.pop("_suite_module_stub_peers")


def installed(name: str) -> str:
    try:
        python_of(PEERS[name].environment)
    except Missing as missing:
        pytest.skip(str(missing))
    return name


@pytest.mark.parametrize("name", REAL)
def test_a_peer_gives_what_a_method_gives(trial, name):
    result, cost = unmix_with_peer(installed(name), trial.image, 3, 0, {})
    estimate, info = result.estimate, result.info
    assert estimate.endmembers.shape == (3, 200)
    assert estimate.abundances.shape == (512, 3)
    assert np.allclose(np.abs(estimate.endmembers).sum(axis=1), 1), "it is canonical"
    assert cost.fit_seconds > 0 == cost.compile_seconds
    assert cost.peak_mib > 10
    assert info["converged"] is True
    assert {"python", "numpy", "scipy"} < set(info["versions"])
    assert result.grid == trial.image.grid
    angles = spectral_angles(trial.truth.endmembers, estimate.endmembers)
    order = match(trial.truth.endmembers, estimate.endmembers)
    assert angles[np.arange(3), order].max() < 20, "it finds the film at 50 counts per pixel"


@pytest.mark.parametrize("name", REAL)
def test_a_peer_takes_one_component_and_a_series(trial, name):
    image = trial.image
    series = SpectrumImage(image.counts, image.energy_kev, (4, 4, 32, 200))
    estimate = unmix_with_peer(installed(name), series, 1, 0, {})[0].estimate
    assert estimate.is_nonnegative
    assert 0.5 < estimate.abundances.sum() / image.n_photons < 1.1
    assert spectral_angles(estimate.endmembers, image.sum_spectrum()[None])[0, 0] < 45


@pytest.mark.parametrize("name", IN_MAIN)
def test_the_process_changes_nothing(trial, name):
    image = trial.image
    here = PEERS[name]().fit(image.counts, image.energy_kev, image.navigation_shape, 3, 0)
    there = unmix_with_peer(name, image, 3, 0, {})[0].estimate
    here = Factorization(*here[:2]).canonical()
    order = by_share(here) if here.is_nonnegative else np.arange(3)
    assert np.allclose(here.endmembers[order], there.endmembers, rtol=1e-6, atol=1e-12)
    assert np.allclose(here.abundances[:, order], there.abundances, rtol=1e-6, atol=1e-9)


def test_centred_components_add_up_to_the_counts(trial):
    for n_components in (1, 3):
        result, _ = unmix_with_peer("scikit_learn_pca", trial.image, n_components, 0, {"centred": True})
        estimate = result.estimate
        assert np.allclose(estimate.expected().sum(axis=0), trial.image.sum_spectrum(), atol=1e-6)


def test_a_peer_of_a_suites_own_gets_the_image_and_its_settings(stub, trial):
    image = trial.image
    held = np.ones(60_000_000)  # 458 MiB that are ours
    result, cost = unmix_with_peer(stub, image, 2, 7, {"note": "mine"})
    assert np.allclose(result.estimate.endmembers, image.energy_kev / image.energy_kev.sum()), "and its sign"
    expected = image.dense().reshape(512, 200)[:, :2] * image.energy_kev.sum()
    assert np.allclose(result.estimate.abundances, expected)
    info = result.info
    assert info["shape"] == list(image.navigation_shape)
    assert (info["seed"], info["seed given"], info["method"]) == (7, 7, stub)
    assert info["settings"] == {"how": "guesses", "note": "mine"}
    assert info["warnings"] == ["only a guess."]
    assert "scikit-learn" in info["versions"]
    assert cost.peak_mib < held.nbytes / 2**20, "memory is that of its own process"


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("raises", "ended with exit status 1: RuntimeError: no solution today"),
        ("dies", "was ended by SIGKILL: it wrote nothing"),
    ],
)
def test_a_process_that_fails_is_one_sentence(stub, trial, how, sentence):
    with pytest.raises(RuntimeError) as error:
        unmix_with_peer(stub, trial.image, 3, 0, {"how": how})
    assert str(error.value) == f"the process of peer {stub} {sentence}"


def test_an_unknown_setting_is_refused_before_a_process_starts(trial):
    with pytest.raises(TypeError, match="n_begins"):
        unmix_with_peer("scikit_learn_nmf_kl", trial.image, 3, 0, {"n_begins": 2})


def test_the_process_ends_with_whoever_started_it(tmp_path):
    note = tmp_path / "pid"
    lines = f"""
import numpy as np
from pathlib import Path
from bayesunmix import SpectrumImage
from benchmarks.peer_method import unmix_with_peer
from benchmarks.suite_file import load_modules
load_modules([Path({str(STUBS)!r})])
image = SpectrumImage(np.ones((2, 3, 4), int), np.arange(1.0, 5))
unmix_with_peer("stub_peer", image, 1, 0, {{"how": "waits", "note": {str(note)!r}}})
"""
    starter = subprocess.Popen([sys.executable, "-c", lines], cwd=ROOT)
    try:
        until(lambda: note.is_file() and note.read_text())
        peer = psutil.Process(int(note.read_text()))
    finally:
        starter.kill()
        starter.wait()
    until(lambda: not peer.is_running() or peer.status() == psutil.STATUS_ZOMBIE)


def test_a_missing_environment_says_why_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "ENVIRONMENTS", tmp_path)
    with pytest.raises(Missing) as missing:
        python_of("espm")
    assert str(missing.value) == "the environment espm is not installed; `make peers` installs it"
    log = "Collecting espm\nERROR: No matching distribution found\nnote: this is not a problem with pip\n"
    (tmp_path / "espm").mkdir()
    (tmp_path / "espm" / "install.log").write_text(log)
    with pytest.raises(Missing) as failed:
        python_of("espm")
    reason = "could not be installed (ERROR: No matching distribution found); `make peers` tries again"
    assert str(failed.value) == f"the environment espm {reason}"
    (tmp_path / "espm" / "installed").touch()
    assert python_of("espm") == str(tmp_path / "espm" / "bin" / "python")


def test_a_peers_process_needs_nothing_of_ours_but_the_contract():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['jax', 'psutil', 'pandas', 'sklearn', 'hyperspy']));"
        "import benchmarks.peer_process; from benchmarks.peer import PEERS; print(len([*PEERS.values()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(REAL)


def test_every_environment_has_its_requirements():
    for name in REAL:
        environment = PEERS[name].environment
        assert environment == "main" or (ROOT / "requirements" / f"{environment}.txt").is_file()


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)

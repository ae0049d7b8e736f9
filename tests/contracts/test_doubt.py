"""A result that did not converge says so in every file, picture and table; new ones are found by themselves."""

import importlib
import inspect
import json
import pkgutil
import re
import sys
import typing
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesunmix as bu
from bayesunmix import cli, plotting
from bayesunmix.cli import outputs
from bayesunmix.io.results import write_results

DOUBT = "not converged"
#: What each question needs besides the result, and what it writes.
QUESTIONS = {
    "check": [],
    "identify": [],
    "fractions": [],
    "region": ["--box", "0:4,0:5"],
    "phase-map": [],
    "lines": ["--lines", "Ni_K,Cr_K"],
    "denoise": ["--pixel", "2,3"],
    "report": [],
}
#: Commands that are not asked of a result.
OTHERS = {"unmix", "rank", "methods"}


@pytest.fixture(scope="module")
def image():
    from simulations import PHANTOMS, acquire

    trial = acquire(PHANTOMS["nicr_film"]((8, 40), n_channels=450, vacuum_nm=0), 200, 0)
    return trial.image


def fitted(image, converged):
    result = bu.unmix(image, 3, "fisher_conditional", n_draws=40)
    info = {**result.info, "converged": converged, "r_hat": 1.0 if converged else 2.34}
    return replace(result, info=info)


@pytest.fixture(scope="module")
def doubtful(image):
    return fitted(image, False)


@pytest.fixture(scope="module")
def sure(image):
    return fitted(image, True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, image, doubtful, sure):
    home = tmp_path_factory.mktemp("doubt")
    bu.write(image, home / "film.npz")
    for name, result in (("doubtful", doubtful), ("sure", sure)):
        (home / name).mkdir()
        write_results(home / name, image, result, {"converged": result.info["converged"]})
    return home


@pytest.fixture
def type_in(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["bayesunmix", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, capsys.readouterr().out

    return call


def every_plot():
    """All functions of the package of pictures that take a result, wherever they are defined."""
    for _, name, _ in pkgutil.iter_modules(plotting.__path__, plotting.__name__ + "."):
        for function in vars(importlib.import_module(name)).values():
            if inspect.isfunction(function) and function.__module__ == name:
                hints = typing.get_type_hints(function)
                if hints.get("return") is Figure and bu.Unmixing in hints.values():
                    yield function


def drawn(function, result, image):
    made = {
        "result": lambda: result,
        "image": lambda: image,
        "found": lambda: bu.phase_map(result, image),
    }
    return function(**{name: made[name]() for name in inspect.signature(function).parameters})


def said_in(figure):
    import matplotlib.text

    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(matplotlib.text.Text))


@pytest.mark.parametrize("function", list(every_plot()), ids=lambda function: function.__name__)
def test_every_picture_of_a_result_says_so(function, doubtful, sure, image):
    assert f"{DOUBT}: the chains disagree, R-hat 2.34" in said_in(drawn(function, doubtful, image))
    assert DOUBT not in said_in(drawn(function, sure, image))


def test_the_pictures_that_are_known_are_found():
    assert {"plot_maps", "plot_spectra", "plot_phase_map"} <= {function.__name__ for function in every_plot()}


def test_repr_and_html_say_so(doubtful, sure):
    for said in (repr(doubtful), doubtful._repr_html_()):
        assert DOUBT in said.lower()
    for said in (repr(sure), sure._repr_html_()):
        assert DOUBT not in said.lower()


@pytest.mark.parametrize("ask", [lambda *a: bu.region(*a, np.ones((8, 40), bool)), bu.phase_fractions])
def test_tables_in_python_say_so(ask, doubtful, sure, image):
    assert DOUBT in repr(ask(doubtful, image)) and DOUBT not in repr(ask(sure, image))


def text_of(path):
    """Everything that a file says in words."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return " ".join(str(arrays[name]) for name in arrays.files if arrays[name].dtype.kind == "U")
    if path.suffix == ".nc":
        import xarray

        with xarray.open_datatree(path, engine="h5netcdf") as tree:
            return json.dumps({k: str(v) for k, v in tree.attrs.items() if k != "info"})
    if path.suffix == ".png":
        return ""
    return path.read_text(encoding="utf-8")


def test_every_file_of_a_result_says_so(folder):
    written = {path.name: text_of(path) for path in (folder / "doubtful").iterdir()}
    assert {"endmembers.csv", "endmember_interval.csv", "abundances.npz", "result.nc"} <= set(written)
    written.pop("summary.json")  # the command line's, see below
    assert all(DOUBT in text for text in written.values()), written.keys()
    for path in (folder / "sure").iterdir():
        assert DOUBT not in text_of(path)


def test_a_table_of_a_doubtful_result_is_read_by_name(folder, doubtful):
    table = np.genfromtxt(folder / "doubtful" / "endmembers.csv", delimiter=",", names=True)
    name = doubtful.names[0].replace(" ", "_")
    np.testing.assert_allclose(table[name], doubtful.estimate.endmembers[0], rtol=1e-8)


def commands():
    return {info.name or info.callback.__name__.replace("_", "-") for info in cli.app.registered_commands}


def test_no_command_is_left_out():
    assert commands() == set(QUESTIONS) | OTHERS


def formats(command):
    return importlib.import_module(f"bayesunmix.cli.{command.replace('-', '_')}")._FORMATS


@pytest.mark.parametrize("command", QUESTIONS)
def test_every_answer_says_so(type_in, folder, tmp_path, monkeypatch, command):
    """What is printed, and each format that the command writes; of a picture, the figure that is saved."""
    pictures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **kw: (pictures.append(said_in(self)), save(self, *a, **kw))
    )
    for name in ("doubtful", "sure"):
        pictures.clear()
        files = [tmp_path / f"{name}{suffix}" for suffix in formats(command)]
        asked = [word for file in files for word in ("--out", file)]
        status, out = type_in(command, folder / name, folder / "film.npz", *QUESTIONS[command], *asked)
        assert status in (0, 1)
        holds = (lambda text: DOUBT in text) if name == "doubtful" else (lambda text: DOUBT not in text)
        assert holds(out), out
        assert all(holds(text_of(file).lower()) for file in files if file.suffix != ".png")
        assert all(map(holds, pictures)), pictures
        assert bool(pictures) == bool({".png", ".html"} & set(formats(command)))


def test_every_writer_asks_for_the_doubt():
    """A further format cannot leave it out: what writes it takes the doubt without a default."""
    writers = [function for name, function in vars(outputs).items() if re.fullmatch(r"as_\w+", name)]
    assert len(writers) >= 4
    for function in writers:
        assert inspect.signature(function).parameters["doubt"].default is inspect.Parameter.empty


def test_unmix_says_so(type_in, folder, monkeypatch, doubtful):
    class Given:
        def fit(self, image, n_components, key):
            return replace(doubtful, grid=None)

    monkeypatch.setitem(bu.METHODS._members, "given", Given)
    request = ["unmix", folder / "film.npz", "--out", folder / "out", "--components", 3, "--method", "given"]
    status, out = type_in(*request, "--no-crop", "--report")
    assert status == 0 and DOUBT in out.lower()
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["converged"] is False and summary["posterior"]["calibrated"] is False
    assert summary["doubt"].startswith(DOUBT)
    assert all(DOUBT in text_of(path).lower() for path in (folder / "out").iterdir() if path.suffix != ".png")


def test_intervals_are_calibrated_only_where_the_fit_converged(image, sure):
    class Told:
        def __init__(self, converged):
            self.converged = converged

        def fit(self, image, n_components, key):
            posterior = replace(sure.posterior, calibrated=True)
            return replace(sure, posterior=posterior, info={"converged": self.converged}, grid=None)

    for converged in (True, False):
        found = bu.unmix(image, 3, Told(converged), verdicts=False)
        assert found.posterior.calibrated is converged


def test_a_line_scan_says_so_where_its_legend_stands(image):
    line = bu.SpectrumImage(image.dense()[4], image.energy_kev)
    found = bu.unmix(line, 3, "fisher_conditional", n_draws=40, verdicts=False)
    figure = bu.plot_maps(replace(found, info={**found.info, "converged": False}), line)
    assert DOUBT in said_in(figure) and not figure.get_suptitle()

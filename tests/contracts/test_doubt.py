"""A result that did not converge says so in every file, picture and table; new ones are found by themselves."""

import html
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
    "quantify": ["--elements", "Ni,Cr,Si"],
    "report": [],
}
#: Commands that are not asked of a result.
OTHERS = {"unmix", "rank", "methods", "split", "validate"}  # of the last see test_validate


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


#: Pictures that are no answers of a result: of the number of components, and what several pictures are made of.
OF_NO_RESULT = {"plot_rank", "plot_named"}


def every_plot():
    """All functions of the package of pictures that draw a result or an answer of it, wherever they are defined."""
    for _, name, _ in pkgutil.iter_modules(plotting.__path__, plotting.__name__ + "."):
        for function in vars(importlib.import_module(name)).values():
            if inspect.isfunction(function) and function.__module__ == name:
                hints = typing.get_type_hints(function)
                public = (
                    re.fullmatch(r"plot_\w+", function.__name__) and function.__name__ not in OF_NO_RESULT
                )
                if hints.get("return") is Figure and public:
                    yield function


def drawn(function, result, image):
    """Draw as in Python: nothing but the answer of the result says what is to be marked."""
    made = {
        "result": lambda: result,
        "image": lambda: image,
        "interval": lambda: 0.9,
        "channels": lambda: image.energy_kev,
        "counts": lambda: image.dense()[2, 3],
        "band": lambda: bu.denoised(result, image, (2, 3)),
    }
    found = {
        "plot_phase_map": bu.phase_map,
        "plot_checks": bu.check,
        "plot_compositions": bu.quantify,
        "plot_lines": lambda *of: bu.line_intensities(*of, ["Ni_K", "Cr_K"]),
    }
    given = {
        name: made[name]() if name in made else found[function.__name__](result, image)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    return function(**given)


def said_in(figure):
    import matplotlib.text

    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(matplotlib.text.Text))


@pytest.mark.parametrize("function", list(every_plot()), ids=lambda function: function.__name__)
def test_every_picture_of_a_result_says_so(function, doubtful, sure, image):
    assert f"{DOUBT}: the chains disagree, R-hat 2.34" in said_in(drawn(function, doubtful, image))
    assert DOUBT not in said_in(drawn(function, sure, image))


def test_the_pictures_that_are_known_are_found():
    assert {function.__name__ for function in every_plot()} >= {
        *("plot_maps", "plot_spectra", "plot_phase_map", "plot_checks", "plot_lines", "plot_band")
    }


@pytest.mark.parametrize("function", list(every_plot()), ids=lambda function: function.__name__)
def test_every_picture_of_a_result_says_what_it_assumes(function, sure, image):
    believed = "every phase has a pure area of at least 4 pixels"
    assuming = replace(sure, info={**sure.info, "assumptions": [believed]})
    assert f"assuming that {believed}" in said_in(drawn(function, assuming, image))


def test_repr_and_html_say_so(doubtful, sure):
    for said in (repr(doubtful), doubtful._repr_html_()):
        assert DOUBT in said.lower()
    for said in (repr(sure), sure._repr_html_()):
        assert DOUBT not in said.lower()


@pytest.mark.parametrize(
    "ask",
    [
        lambda *a: bu.region(*a, np.ones((8, 40), bool)),
        bu.phase_fractions,
        bu.check,
        lambda *a: bu.ladder(*a, [[bu.PureAreas(4)]]),
    ],
)
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
    import pandas as pd

    table = np.genfromtxt(folder / "doubtful" / "endmembers.csv", delimiter=",", names=True)
    name = doubtful.names[0].replace(" ", "_")
    np.testing.assert_allclose(table[name], doubtful.estimate.endmembers[0], rtol=1e-8)
    read = pd.read_csv(folder / "doubtful" / "endmembers.csv", comment="#")
    np.testing.assert_allclose(read[name], doubtful.estimate.endmembers[0], rtol=1e-8)


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


class Told:
    """A method that gives a certain result, as one whose intervals are calibrated."""

    def __init__(self, result, converged=True):
        self.result, self.info = result, {"converged": converged}
        if not converged:
            self.info["r_hat"] = 2.34

    def fit(self, image, n_components, key):
        posterior = replace(self.result.posterior, calibrated=True)
        return replace(self.result, posterior=posterior, info=dict(self.info), grid=None)


def mixed(result, share):
    """The result with wrong spectra: each has that share of the next one."""
    estimate, posterior = result.estimate, result.posterior
    spectra = (1 - share) * estimate.endmembers + share * np.roll(estimate.endmembers, 1, axis=0)
    drawn = np.broadcast_to(spectra, posterior.endmembers.shape)
    wrong = bu.Factorization(spectra, estimate.abundances)
    return replace(result, estimate=wrong, posterior=replace(posterior, endmembers=drawn), known=(True,) * 3)


def unwrapped(shown):
    return " ".join(repr(shown).split())


def as_html(shown):
    return html.unescape(shown._repr_html_())


@pytest.mark.parametrize("verdicts", [True, False])
def test_intervals_are_calibrated_only_where_the_fit_converged(image, sure, verdicts):
    for converged in (True, False):
        found = bu.unmix(image, 3, Told(sure, converged), verdicts=verdicts)
        assert found.posterior.calibrated is converged
        said = found.posterior.say_draws()
        assert "known to be too narrow" not in said
        why = "intervals are not calibrated: not converged: the chains disagree, R-hat 2.34"
        for shown in (
            said,
            *map(unwrapped, (found, found.posterior)),
            *map(as_html, (found, found.posterior)),
        ):
            assert (why in shown) is not converged


@pytest.mark.parametrize("verdicts", [True, False])
def test_intervals_are_calibrated_only_where_the_model_passed_its_own_check(image, sure, verdicts):
    with pytest.warns(bu.UnmixingWarning, match="The counts contradict the model: .* of all counts"):
        found = bu.unmix(image, 3, Told(mixed(sure, 0.3)), verdicts=verdicts)
    checks = bu.check(found, image)
    assert checks.alarm and checks.severe and not found.posterior.calibrated
    assert checks.verdict in found.info["warnings"]
    why = f"intervals are not calibrated: the counts contradict the model: {checks.worst}"
    for shown in (
        found.posterior.say_draws(),
        unwrapped(found.posterior),
        as_html(found),
        as_html(found.posterior),
    ):
        assert why in shown
    assert why.partition(": up to")[0] in unwrapped(found)  # which has room for the beginning
    neither = bu.unmix(image, 3, Told(mixed(sure, 0.3), False), verdicts=verdicts).posterior
    assert not neither.calibrated
    assert (
        neither.why_not_calibrated.startswith("not converged") and checks.worst in neither.why_not_calibrated
    )


def test_every_file_that_says_calibrated_says_why_not(type_in, folder, monkeypatch, image, sure):
    from bayesunmix.report import write_report

    monkeypatch.setitem(bu.METHODS._members, "told", lambda: Told(mixed(sure, 0.3)))
    request = ["unmix", folder / "film.npz", "--out", folder / "wrong", "--components", 3, "--method", "told"]
    status, out = type_in(*request, "--no-crop", "--overwrite")
    assert status == 0 and "The counts contradict the model" in out
    summary = json.loads((folder / "wrong" / "summary.json").read_text())
    assert summary["posterior"]["calibrated"] is False and "contradict" in summary["not_calibrated"]
    loaded = bu.load_result(folder / "wrong" / "result.nc")
    assert not loaded.posterior.calibrated and "contradict" in loaded.posterior.why_not_calibrated
    write_report(folder / "page.html", loaded, image)
    assert "not calibrated: the counts contradict the model" in (folder / "page.html").read_text()


def test_a_model_that_cannot_be_checked_is_not_called_calibrated(sure):
    few = bu.SpectrumImage(np.ones((2, 3, 4), int), np.arange(1, 5))
    one = np.full((1, 4), 0.25)
    posterior = bu.Posterior(np.broadcast_to(one, (1, 4, 1, 4)), np.full((1, 4, 6, 1), 4.0))
    told = Told(bu.Unmixing(bu.Factorization(one, np.full((6, 1), 4.0)), posterior))
    found = bu.unmix(few, 1, told).posterior
    assert (
        not found.calibrated and "could not be checked: a region must hold at least 50" in found.say_draws()
    )


def test_results_without_a_posterior_and_approximations_are_as_they_were(image, sure):
    assert bu.unmix(image, 3, "nmf").posterior is None
    assert "their intervals are known to be too narrow" in sure.posterior.say_draws()
    assert sure.posterior.why_not_calibrated == ""


def test_a_line_scan_says_so_where_its_legend_stands(image):
    line = bu.SpectrumImage(image.dense()[4], image.energy_kev)
    found = bu.unmix(line, 3, "fisher_conditional", n_draws=40, verdicts=False)
    figure = bu.plot_maps(replace(found, info={**found.info, "converged": False}), line)
    assert DOUBT in said_in(figure) and not figure.get_suptitle()

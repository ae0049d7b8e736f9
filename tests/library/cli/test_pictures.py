"""A picture that fails costs no fit: results are written first, pictures after, each on its own."""

import json
import math

import numpy as np
import pytest

import bayesunmix as bu

RESULTS = {"endmembers.csv", "abundances.npz", "result.nc", "summary.json"}


def fails(*_, **__):
    raise ZeroDivisionError("figure size\n must be finite")


def stopped(*_, **__):
    raise KeyboardInterrupt


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("plot", "lost", "kept"), [("plot_maps", "maps", "spectra"), ("plot_spectra", "spectra", "maps")]
)
def test_a_picture_that_fails_is_a_warning_with_its_name(
    unmix, tmp_path, strict, monkeypatch, plot, lost, kept
):
    monkeypatch.setattr(f"bayesunmix.plotting.{plot}", fails)
    status, out, _ = unmix()
    sentence = f"{lost}.png was not made: figure size must be finite. The results are complete."
    assert status == 0 and f"warning: {sentence}" in out
    assert sentence in strict(tmp_path / "out" / "summary.json")["warnings"]
    assert names(tmp_path / "out") == {*RESULTS, f"{kept}.png"}
    assert bu.load_result(tmp_path / "out" / "result.nc").estimate.n_components == 2


def test_a_picture_half_written_is_taken_away(unmix, tmp_path, monkeypatch):
    def half(figure, path, **_):
        path.write_bytes(b"\x89PNG")
        raise MemoryError

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", half)
    status, out, _ = unmix("--report")
    assert status == 0 and "warning: maps.png was not made: MemoryError." in out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "This picture could not be drawn" in page and "How much of each component" in page
    assert names(tmp_path / "out") == {*RESULTS, "report.html"}


def test_a_stop_while_drawing_costs_no_result(unmix, tmp_path, monkeypatch):
    monkeypatch.setattr("bayesunmix.plotting.plot_maps", stopped)
    status, _, err = unmix()
    assert status == 130 and "what was found until then is in" in err
    assert names(tmp_path / "out") == RESULTS
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["warnings"][-1].startswith("maps.png")


@pytest.mark.usefixtures("without_relevance")
def test_the_numbers_of_rank_are_there_without_their_picture(run, file, tmp_path, strict, monkeypatch):
    monkeypatch.setattr("bayesunmix.plotting.plot_rank", fails)
    status, _, err = run("rank", file, "--out", tmp_path / "rank", "--quiet")
    assert status == 0 and "warning: scree.png was not made: figure size must be finite" in err
    assert names(tmp_path / "rank") == {"summary.json"}
    assert strict(tmp_path / "rank" / "summary.json")["warnings"]


def test_what_was_asked_beside_a_picture_is_written(run, film, tmp_path, monkeypatch):
    """A picture that was asked for by its name and cannot be drawn is a failure, but costs no other file."""
    monkeypatch.setattr("bayesunmix.plotting.phase_map.plot_phase_map", fails)
    files = "--out", tmp_path / "phases.png", "--out", tmp_path / "phases.npz"
    status, out, err = run("phase-map", film, *files)
    assert status == 2 and "the picture could not be drawn: figure size must be finite" in err
    assert "undecided" in out and "Ni" in out and names(tmp_path) == {"phases.npz"}


@pytest.mark.parametrize(
    "steps", [(0, 2), (2, 0), (math.nan, 2), (2, math.inf), (-2, 2), (1e-12, 1), (None, 2), (1, 1e9)]
)
def test_a_map_without_a_size_of_its_pixels_is_drawn_in_pixels(run, tmp_path, strict, steps):
    counts = np.random.default_rng(0).poisson(2, (3, 4, 30))
    axes = tuple(bu.Axis(name, step, "nm") for name, step in zip("yx", steps, strict=True))
    bu.write(bu.SpectrumImage(counts, 1 + 0.01 * np.arange(30), axes=axes), tmp_path / "map.npz")
    request = "--components", 2, "--method", "nmf", "--report", "--out", tmp_path / "out"
    assert run("unmix", tmp_path / "map.npz", *request)[0] == 0
    assert names(tmp_path / "out") == {*RESULTS, "maps.png", "spectra.png", "report.html"}
    assert not [said for said in strict(tmp_path / "out" / "summary.json")["warnings"] if "not made" in said]
    assert "could not be drawn" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert run("report", tmp_path / "out", "--out", tmp_path / "page.html")[0] == 0

"""`bayesunmix report` and `unmix --report`: the page is written by the library, from the right result and image."""

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest

import bayesunmix as bu


@pytest.fixture
def written(monkeypatch):
    """Put a page writer in place that keeps what it was given."""
    calls = []

    def write_report(path, result, image, *, checks=None, identified=None, script=None, source=None):
        calls.append((result, image, source))
        path.write_text("<html>", encoding="utf-8")

    module = ModuleType("bayesunmix.report")
    module.write_report = write_report
    monkeypatch.setitem(sys.modules, "bayesunmix.report", module)
    return calls


def test_report_asks_for_a_page_of_the_result_and_its_image(run, film, prepared, written, tmp_path):
    page = tmp_path / "page.html"
    status, out, err = run("report", film, "--out", page)
    assert (status, err) == (0, "") and out == f"written    {page}\n"
    ((result, image, _),) = written
    assert result.info == prepared[0].info
    np.testing.assert_array_equal(image.dense(), prepared[1].dense())
    status, _, err = run("report", film, "--out", page)
    assert status == 2 and "is there already" in err


def test_unmix_writes_the_page_beside_the_rest(unmix, written, tmp_path):
    assert unmix("--report")[0] == 0
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8") == "<html>"
    ((result, image, _),) = written
    assert result.info["input"]["name"] == "map.npz" and image.n_channels == 20


def test_a_page_that_cannot_be_written_costs_no_result(unmix, written, tmp_path, strict, monkeypatch):
    def full(*_, **__):
        raise OSError("no room")

    monkeypatch.setattr(sys.modules["bayesunmix.report"], "write_report", full)
    status, out, _ = unmix("--report")
    sentence = "report.html was not made: no room. The results are complete."
    assert status == 0 and f"warning: {sentence}" in out
    assert sentence in strict(tmp_path / "out" / "summary.json")["warnings"]
    assert not [path for path in (tmp_path / "out").iterdir() if "report" in path.name]


@pytest.mark.skipif(
    importlib.util.find_spec("bayesunmix.report") is None, reason="there is no bayesunmix.report yet"
)
def test_the_page_itself(run, film, tmp_path):
    page = tmp_path / "page.html"
    assert run("report", film, "--out", page)[0] == 0
    text = page.read_text(encoding="utf-8")
    assert "film.npz" in text and all(name in text for name in bu.load_result(film / "result.nc").names)

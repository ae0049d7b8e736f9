"""The report of a result: one file that asks for nothing, says everything, and tells how to repeat the result."""

import hashlib
import html
import runpy
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.report import write_report
from bayesunmix.report.script import repeating_script
from bayesunmix.report.shares import with_shares
from tests.quick import film, unmixed

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert('&')</script>" + 9 * "long_name_"


class Page(HTMLParser):
    """Collects the text of each element that a test asks for, and what the page would load."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.cells: list[list[str]] = []
        self.words: list[str] = []
        self.feed(self.html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]
        if tag == "tr":
            self.cells.append([])

    def handle_data(self, data):
        self.words.append(data)
        if {"td", "th"} & set(self.tags[-1:]) and data.strip():
            self.cells[-1].append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def with_draws(result, spread=0.02):
    """The result of a point fit with draws around it."""
    rng = np.random.default_rng(0)
    noise = rng.normal(1, spread, (2, 20, result.estimate.n_components, 1)).clip(0.5)
    abundances = result.estimate.abundances * np.moveaxis(noise, 2, 3)
    endmembers = result.estimate.endmembers * rng.gamma(
        400, 1 / 400, (2, 20, *result.estimate.endmembers.shape)
    )
    return bu.Unmixing(
        result.estimate,
        bu.Posterior(endmembers / endmembers.sum(axis=-1, keepdims=True), abundances),
        result.info,
        grid=result.grid,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the report of a result with draws."""
    folder = tmp_path_factory.mktemp("report")
    source = {"name": EVIL, "sha256": "0ab"}
    write_report(folder / "report.html", with_draws(unmixed("nmf")), film().image, source=source)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page(folder / "report.html")


def test_a_report_asks_for_nothing_and_escapes_text(page):
    assert page.loads and all(target.startswith("data:") for target in page.loads)
    assert "script" not in page.tags and "link" not in page.tags and "url(" not in page.html
    assert "@import" not in page.html
    assert f"Unmixing of {EVIL}" in page.text


def test_a_report_says_everything(page):
    image = film().image
    for part in (
        "3 components",
        "converged",
        f"{image.n_photons:,}",
        "SHA-256",
        "0ab",
        "300, ",
        "Nothing contradicts the model.",
        "If the model is right, the checks alarm in 1 % of images.",
        "n_starts=8",
        "Seed 4",
        f"numpy {np.__version__}",
        "bu.unmix(",
    ):
        assert part in page.text, part
    assert page.tags.count("img") == 3, "maps, spectra, checks"


def test_the_errors_stand_apart_beside_the_verdict(page):
    head, *rows = page.cells
    assert head[2:] == [
        "verdict",
        "90 % interval",
        "error of counting",
        "error of endmembers",
        "feasible range",
    ]
    assert len(rows) == 3
    verdicts = {"identified", "only a range", "not identified"}
    for row in rows:
        assert row[2] in verdicts and all(cell.startswith("± ") for cell in row[4:])


def test_a_single_estimate_has_a_feasible_range_and_no_error_bars(tmp_path):
    result, image = unmixed("nmf"), film().image
    write_report(tmp_path / "report.html", result, image)
    page = Page(tmp_path / "report.html")
    assert page.cells[0] == ["component", "share of counts", "feasible range"]
    assert "This method gives a single estimate, without error bars" in page.text
    low, high = (float(word.strip("%")) for word in page.cells[1][2].replace("to", " ").split()[:2])
    overall = bu.identify(result, image).overall
    assert (low, high) == pytest.approx((100 * overall.lower[0], 100 * overall.upper[0]), abs=0.05)


def test_signed_results_say_what_cannot_be_said(tmp_path):
    write_report(tmp_path / "report.html", unmixed("pca"), film().image)
    page = Page(tmp_path / "report.html")
    assert "there are no shares" in page.text and "It was not checked: " in page.text
    assert page.cells[0] == ["component", "explained variance"]
    assert page.tags.count("img") == 2


def test_what_is_given_is_taken_and_warnings_are_said(tmp_path):
    made, image = unmixed("nmf"), film().image
    info = {**made.info, "warnings": ["first", "second"], "rank": "3 components: because", "converged": False}
    result = bu.Unmixing(made.estimate, info=info, grid=made.grid)
    checks = bu.check(result, image, false_alarms=0.25)
    write_report(tmp_path / "report.html", result, image, checks=checks, script="print('mine')")
    text = Page(tmp_path / "report.html").text
    assert "the checks alarm in 25 % of images" in text
    assert "print('mine')" in text and "bu.unmix(" not in text
    for part in (
        "Warnings first second",
        "How many components? 3 components: because",
        "NOT converged",
        "Converged no",
    ):
        assert part in text


def test_a_result_of_another_image_is_refused(tmp_path):
    other = film().image.crop(2.0, 5.0)
    with pytest.raises(ValueError, match="pass the image that was unmixed"):
        write_report(tmp_path / "report.html", unmixed("nmf"), other)
    with pytest.raises(TypeError, match="pass the result first"):
        write_report(tmp_path / "report.html", film().image, unmixed("nmf"))
    assert list(tmp_path.iterdir()) == []


def ran(script: str, folder: Path, *arguments: str) -> bu.Unmixing:
    """Run a script in a folder and return the result that it saved."""
    (folder / "repeat.py").write_text(script, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["repeat.py", *arguments])
        runpy.run_path("repeat.py", run_name="__main__")
    return bu.load_result(folder / "result.nc")


def test_the_script_of_a_report_repeats_the_result(tmp_path):
    image, result = film().image, unmixed("nmf")
    bu.write(image, tmp_path / "film.npz")
    write_report(tmp_path / "report.html", result, image, source=tmp_path / "film.npz")
    page = Page(tmp_path / "report.html")
    assert hashlib.sha256((tmp_path / "film.npz").read_bytes()).hexdigest() in page.text
    again = ran(html.unescape(page.html.split("<pre><code>")[1].split("</code></pre>")[0]), tmp_path)
    np.testing.assert_array_equal(again.estimate.abundances, result.estimate.abundances)
    np.testing.assert_array_equal(again.estimate.endmembers, result.estimate.endmembers)


@pytest.mark.parametrize(
    ("method", "n_components", "given"),
    [
        ("pca", 2, {"scaling": "none"}),
        ("vendor_cluster", None, {"window_counts": 60.0}),
        ("vendor_library", None, {"library": np.eye(3, 173) + 0.1}),
        ("bootstrap", 2, {"method": "nmf_frobenius", "n_replicates": 2}),
    ],
)
def test_crops_masks_and_settings_are_repeated(tmp_path, method, n_components, given):
    """From a file with more channels and pixels than were unmixed, and a result that was saved and loaded."""
    bu.write(film().image, tmp_path / "film.npz")
    mask = np.arange(24 * 32).reshape(24, 32) % 5 > 0
    image = bu.read(tmp_path / "film.npz").crop(1.5, 6.69).within(mask)
    result = bu.unmix(image, n_components, bu.METHODS[method](**given), seed=5, verdicts=False)
    bu.save_result(result, tmp_path / "first.nc")
    again = ran(repeating_script(bu.load_result(tmp_path / "first.nc"), image, "film.npz"), tmp_path)
    np.testing.assert_array_equal(again.estimate.abundances, result.estimate.abundances)
    np.testing.assert_array_equal(again.estimate.endmembers, result.estimate.endmembers)
    np.testing.assert_array_equal(again.grid.mask, mask)


def test_the_script_stops_at_another_image(tmp_path):
    image = film().image
    bu.write(image.thin(0.5, np.random.default_rng(0))[0], tmp_path / "other.npz")
    script = repeating_script(unmixed("nmf"), image, "film.npz")
    with pytest.raises(SystemExit, match="is not the file that was unmixed"):
        ran(script, tmp_path, "other.npz")


@pytest.mark.parametrize("width", [1400, 390])
def test_a_browser_shows_it_without_complaint(opened, folder, width):
    with opened(folder, width) as page:
        assert page.faults == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 500)")


def test_the_wheel_holds_templates_and_styles(tmp_path):
    build = pytest.importorskip("hatchling.builders.wheel")
    (wheel,) = build.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(wheel).namelist())
    present = {
        path.name for path in (ROOT / "bayesunmix" / "report").iterdir() if path.suffix in (".jinja", ".css")
    }
    assert len(present) == 5
    assert {f"bayesunmix/report/{name}" for name in present} <= names


def test_pictures_and_pages_of_results_without_rotations_say_or_find_them(tmp_path):
    """Results of older versions, or made with verdicts=False, have intervals of the draws alone."""
    spectra, layers = np.array([[8, 1, 1, 0], [0, 1, 1, 8]]), np.repeat([[1, 0], [0, 1]], 32, axis=0)
    counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    result = bu.unmix(image, 2, "fisher_joint")
    old = replace(result, posterior=replace(result.posterior, rotations=None))
    for draw in (bu.plot_maps, bu.plot_spectra):
        assert "without other solutions" in draw(old, image).get_suptitle()
        assert "without other solutions" not in draw(result, image).get_suptitle()
        known = replace(old, known=(True, True))
        assert "without other solutions" not in draw(known, image).get_suptitle()
    pages = {}
    for name, one in (("old", old), ("new", result)):
        write_report(tmp_path / f"{name}.html", one, image)
        pages[name] = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    found = with_shares(old, image, None).posterior
    assert found is not None and np.array_equal(found.rotations, result.posterior.rotations)
    assert pages["old"].count("do not determine the fraction") == pages["new"].count(
        "do not determine the fraction"
    )

"""What `repr` and notebooks show: short, complete, escaped, and the same each time."""

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import bayesunmix as bu
from bayesunmix.data.display.png import VIRIDIS, map_png
from bayesunmix.data.grid import Grid
from bayesunmix.data.spectral_axis import SpectralAxis

VOID = {"img", "br", "hr", "meta", "link", "input"}
EVIL = "<script>alert('&')</script>"


class Balanced(HTMLParser):
    """Collects text and tags, and complains of a tag that is not closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def share(mean, identified="yes", **errors):
    return {
        "mean": mean,
        "lower": 0.9 * mean,
        "upper": 1.1 * mean,
        "counting_sd": 0.05 * mean,
        "endmember_sd": 0.02 * mean,
        "feasible_half_width": 0.3,
        "identified": identified,
        **errors,
    }


def made(shape, n_components=2, n_channels=40, signed=False, draws=False, mask=None, seed=0, **fields):
    """A result of an image of this navigation shape, by hand."""
    rng = np.random.default_rng(seed)
    n_pixels = int(np.prod(shape))
    endmembers = rng.dirichlet(np.full(n_channels, 0.3), n_components)
    abundances = rng.gamma(0.5, 40, (n_pixels, n_components))
    if signed:
        endmembers -= endmembers.mean()
        abundances -= abundances.mean()
    posterior = None
    if draws:
        noise = rng.gamma(100, 0.01, (2, 5, 1, 1))
        posterior = bu.Posterior(endmembers * noise, abundances * noise)
    axes = tuple(bu.Axis(f"axis{i}", 2.0, "nm") for i in range(len(shape)))
    grid = Grid(SpectralAxis(0.2 + 0.05 * np.arange(n_channels)), (*shape, n_channels), axes, mask)
    return bu.Unmixing(bu.Factorization(endmembers, abundances), posterior, grid=grid, **fields)


def pictures(html):
    """Every PNG of a page, as RGBA arrays."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGBA")) for code in found]


def fits_a_prompt(text):
    lines = text.splitlines()
    return len(lines) <= 12 and max(map(len, lines)) <= 100


words = st.text(max_size=200) | st.sampled_from([EVIL, "a\nb", "x" * 300, "Fe₂O₃", ""])


@st.composite
def results(draw):
    shape = draw(st.sampled_from([(1,), (7,), (1, 1), (4, 5), (1, 9), (3, 2, 4), (2, 2, 2, 2)]))
    n_components = draw(st.integers(1, 10))
    names = tuple(draw(st.lists(words, min_size=n_components, max_size=n_components, unique=True)))
    info = {"warnings": draw(st.lists(words, max_size=3))}
    if draw(st.booleans()):
        info |= {
            "method": draw(words),
            "converged": draw(st.sampled_from([True, False, None])),
            "fit_seconds": 1.0,
        }
    if draw(st.booleans()):
        verdicts = st.sampled_from(["yes", "range-only", "no"])
        info["fractions"] = {name: share(1 / n_components, draw(verdicts)) for name in names}
    mask = None
    if draw(st.booleans()):
        mask = np.arange(np.prod(shape)).reshape(shape) % 2 == 0
    result = made(
        shape,
        n_components,
        draw(st.sampled_from([1, 2, 40])),
        draw(st.booleans()),
        draw(st.booleans()),
        mask,
        names=names,
        info=info,
    )
    return draw(st.sampled_from([result, bu.Unmixing(result.estimate, result.posterior, info, names=names)]))


@given(results())
@settings(max_examples=60)
def test_whatever_a_result_is_it_shows_itself(result):
    for shown in (result, result.estimate, result.posterior):
        if shown is None:
            continue
        assert fits_a_prompt(repr(shown))
        html = shown._repr_html_()
        page = Balanced(html)
        assert "script" not in page.tags
        assert html == shown._repr_html_()


def test_text_is_escaped_and_complete():
    result = made((4, 5), names=(EVIL, "b"), info={"warnings": [f"first {EVIL}", "second"], "method": EVIL})
    page = Balanced(result._repr_html_())
    assert "script" not in page.tags
    assert page.text.count(EVIL) >= 3
    assert "first" in page.text and "second" in page.text


def test_repr_says_what_one_wants_to_know():
    names = ("matrix", "particles")
    fractions = {"matrix": share(0.8), "particles": share(0.2, "no")}
    info = {
        "method": "bayes",
        "converged": False,
        "fit_seconds": 12.34,
        "compile_seconds": 5,
        "warnings": ["one", "two"],
    }
    text = repr(made((4, 5), names=names, draws=True, info=info | {"fractions": fractions}))
    for part in (
        "bayes",
        "2 components",
        "NOT converged",
        "12.3 s",
        "4 x 5 pixels",
        "40 channels",
        "2 warnings",
        "one",
    ):
        assert part in text
    assert re.search(r"matrix +80 % +yes +72 to 88 %", text)
    assert re.search(r"particles +a range +no +18 to 22 %", text)


def test_many_components_are_abbreviated():
    text = repr(made((4, 5), 30))
    assert fits_a_prompt(text) and "30 components" in text and "25 more" in text
    page = Balanced(made((4, 5), 30)._repr_html_())
    assert "the first 8 of 30 components" in page.text
    assert page.tags.count("img") == 8 and page.tags.count("tr") == 31


def test_a_notebook_shows_the_three_errors_apart_and_the_verdict():
    fractions = {"component 0": share(0.8), "component 1": share(0.2, "no", feasible_half_width=0.123)}
    html = made((4, 5), draws=True, info={"fractions": fractions})._repr_html_()
    page = Balanced(html)
    for part in (
        "error of counting",
        "error of endmembers",
        "feasible range",
        "± 1.0 %",
        "± 0.40 %",
        "± 12 %",
    ):
        assert part in page.text
    assert '<td class="bu-off">not identified</td>' in html
    assert "18 to 22 % of counts (not identified)" in page.text


def test_a_picture_is_the_map_and_masked_pixels_are_transparent():
    values = np.linspace(0, 1, 12).reshape(3, 4)
    values[1, 2] = np.nan
    (picture,) = pictures(map_png(values, 0, 1))
    assert picture.shape == (3, 4, 4)
    np.testing.assert_array_equal(picture[..., 3] == 0, np.isnan(values))
    first, last = (np.array(list(bytes.fromhex(VIRIDIS[i]))) for i in (0, -1))
    np.testing.assert_array_equal(picture[0, 0, :3], first)
    np.testing.assert_array_equal(picture[2, 3, :3], last)
    green = picture[..., 1].astype(int)[~np.isnan(values)]
    assert (np.diff(green) > 0).all(), "the higher, the brighter"


def test_the_mask_of_a_result_is_seen():
    mask = np.arange(20).reshape(4, 5) > 3
    for picture in pictures(made((4, 5), mask=mask)._repr_html_()):
        np.testing.assert_array_equal(picture[..., 3] > 0, mask)


def test_signed_maps_are_white_at_zero():
    result = made((2, 3), 1)
    estimate = bu.Factorization(result.estimate.endmembers, np.array([[-2.0], [0], [2], [1], [-1], [0]]))
    (picture,) = pictures(bu.Unmixing(estimate, grid=result.grid)._repr_html_())
    assert (picture[0, 1, :3] > 240).all()
    assert picture[0, 0, 0] > picture[0, 0, 2], "orange below zero"
    assert picture[0, 2, 2] > picture[0, 2, 0], "purple above zero"


def test_of_a_series_the_central_slice_is_shown_and_said():
    result = made((5, 4, 3))
    page = Balanced(result._repr_html_())
    assert "central slice, axis0 3 of 5" in page.text
    picture = pictures(result._repr_html_())[0]
    middle = result.estimate.abundances.reshape(5, 4, 3, 2)[2, ..., 0]
    assert picture.shape[:2] == (4, 3)
    brightest = np.unravel_index(picture[..., 1].argmax(), (4, 3))
    assert brightest == np.unravel_index(middle.argmax(), (4, 3))


def test_a_large_map_is_summed_in_blocks_which_is_said():
    result = made((300, 500), 1, 20)
    html = result._repr_html_()
    (picture,) = pictures(html)
    assert picture.shape[:2] == (150, 250)
    assert "the sum of 2 x 2" in Balanced(html).text


def test_a_line_scan_is_curves_with_its_axis():
    html = made((50,), draws=True)._repr_html_()
    page = Balanced(html)
    assert page.tags.count("svg") == 4 and page.tags.count("img") == 0
    assert page.text.count(" nm ") == 2 and page.text.count("90 % interval") >= 4


def test_scale_bars_and_energies():
    page = Balanced(made((10, 10), 1)._repr_html_())
    assert "2 nm" in page.text  # a fifth of 20 nm, rounded down
    assert "keV" in page.text
    without = made((10, 10), 1)
    plain = without.grid._replace(axes=(bu.Axis("y"), bu.Axis("x")))
    page = Balanced(bu.Unmixing(without.estimate, grid=plain)._repr_html_())
    assert " nm " not in page.text and "px" not in page.text


def test_notebooks_stay_small():
    result = made((128, 128), 4, 1024, draws=True)
    assert len(result._repr_html_()) < 300_000


def test_an_image_shows_its_map_its_spectrum_and_its_facts():
    energy = 0.2 + 0.01 * np.arange(600)
    silicon = 3 * np.exp(-0.5 * ((energy - 1.74) / 0.04) ** 2) + 0.05
    counts = np.random.default_rng(0).poisson(np.ones((6, 8, 1)) * silicon)
    mask = np.arange(48).reshape(6, 8) > 5
    image = bu.SpectrumImage(counts, energy, axes=(bu.Axis("y", 2, "nm"), bu.Axis("x", 2, "nm")), mask=mask)
    page = Balanced(image._repr_html_())
    assert "42 of 48 pixels" in page.text and "Si" in page.words and "2 nm" in page.words
    (picture,) = pictures(image._repr_html_())
    np.testing.assert_array_equal(picture[..., 3] > 0, mask)
    assert fits_a_prompt(repr(image)) and "y 6 x 2 nm" in repr(image)


def test_checks_show_what_is_wrong():
    rng = np.random.default_rng(0)
    energy = 0.5 + 0.02 * np.arange(200)
    spectra = np.stack([np.exp(-0.5 * ((energy - e) / 0.1) ** 2) + 0.02 for e in (1.0, 2.0, 3.5)])
    spectra /= spectra.sum(axis=1, keepdims=True)
    abundances = rng.gamma(2, 60, (64, 3))
    image = bu.SpectrumImage(rng.poisson(abundances @ spectra).reshape(8, 8, -1), energy)
    right = bu.Unmixing(bu.Factorization(spectra, abundances))
    wrong = bu.Unmixing(bu.Factorization(spectra[:2], abundances[:, :2]), known=(True, True))
    for result, alarm in ((right, False), (wrong, True)):
        found = bu.check(result, image)
        assert found.alarm is alarm
        page = Balanced(found._repr_html_())
        assert found.sentences[0] in page.text
        assert ("ALARM" in page.text) is alarm and ("ALARM" in repr(found)) is alarm
        assert page.tags.count("svg") == 2 and page.tags.count("img") == 1
        assert fits_a_prompt(repr(found))


def test_showing_draws_without_matplotlib():
    code = (
        "import sys, numpy as np, bayesunmix as bu\n"
        "image = bu.SpectrumImage(np.ones((4, 5, 40), int), 0.2 + 0.05 * np.arange(40))\n"
        "estimate = bu.Factorization(np.ones((2, 40)) / 40, np.ones((20, 2)))\n"
        "bu.Unmixing(estimate, grid=image.grid)._repr_html_(), image._repr_html_()\n"
        "assert not {'matplotlib', 'jax', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("identified", "said"),
    [
        ("yes", "20 % of counts (18 to 22 %)"),
        ("range-only", "20 % of counts (18 to 22 %, only a range)"),
        ("no", "18 to 22 % of counts (not identified)"),
    ],
)
def test_pictures_look_no_surer_than_the_result_is(identified, said):
    fractions = {"component 0": share(0.2, identified), "component 1": share(0.8)}
    result = made((4, 5), info={"fractions": fractions}, draws=True)
    image = bu.SpectrumImage(np.ones((4, 5, 40), int), result.grid.energy_kev)
    assert bu.plot_spectra(result, image).axes[0].get_title(loc="right") == f"component 0 · {said}"
    words = bu.plot_maps(result, image).axes[0].get_title().split()
    assert words[-len(said.split()) :] == said.split() and words[:2] == ["component", "0"]
    single = bu.Unmixing(result.estimate, grid=result.grid)
    assert bu.plot_maps(single, image).axes[0].get_title().endswith("(no error bar)")

"""Suites: what they expand to, and what they say about mistakes."""

from dataclasses import replace

import pytest

from bayesunmix import METHODS
from benchmarks.baseline import BASELINES
from benchmarks.suite_file import load_suite, suite_names

GOOD = 'phantoms = ["nicr_film"]\ndoses = [5]\nseeds = [0]\nmethods = ["nmf"]\n'


def test_the_suites_that_come_along_load():
    assert {"quick", "smoke"} <= set(suite_names())
    for name in suite_names():
        suite = load_suite(name)
        assert suite.cells()
        for scene in suite.phantoms:
            assert scene.n_components > 0, "its settings are accepted"


def test_smoke_is_every_method_and_bound():
    assert set(load_suite("smoke").methods) == set(METHODS) | set(BASELINES)


def test_quick_is_methods_of_every_kind_and_every_bound_at_three_doses_and_two_seeds():
    suite = load_suite("quick")
    assert set(suite.methods) >= {"bayes", "ica", "nmf", "nmf_smooth", "pca", "vendor_mcr"} | set(BASELINES)
    cells = suite.cells()
    assert len(cells) == len(suite.methods) * 6
    assert {(c.dose, c.seed) for c in cells} == {(d, s) for d in (5, 20, 50) for s in (0, 1)}
    assert [c.method for c in cells] == sorted((c.method for c in cells), key=suite.methods.index), (
        "grouped by method"
    )


def test_only_narrows_a_suite():
    suite = load_suite("quick").only(methods=["nmf"], doses=["5", "50"], seeds=["1"])
    assert [(c.method, c.dose, c.seed) for c in suite.cells()] == [("nmf", 5, 1), ("nmf", 50, 1)]
    with pytest.raises(ValueError, match=r"unknown method of suite quick 'nmff': did you mean 'nmf'"):
        suite.only(methods=["nmff"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD.replace("nicr_film", "nicr_flim"), r"unknown phantom 'nicr_flim': did you mean 'nicr_film'"),
        (GOOD.replace('"nmf"', '"nfm"'), r"unknown method 'nfm': did you mean 'nmf'"),
        (GOOD + 'baselines = ["oracle"]', r"unknown baseline 'oracle': did you mean 'oracle_endmembers'\?"),
        (GOOD + "dose = 3", r"unknown key 'dose': did you mean 'doses'\?"),
        (GOOD.replace("doses = [5]\n", ""), r"doses is required"),
        (GOOD.replace("[5]", "[0]"), r"doses must be a list of positive numbers, got \[0\]"),
        (GOOD.replace("[5]", "[true]"), r"doses must be a list of positive numbers"),
        (GOOD.replace("seeds = [0]", "seeds = [0.5]"), r"seeds must be a list of whole numbers from 0 up"),
        (GOOD.replace('["nmf"]', '"nmf"'), r"methods must be a list of names"),
        (GOOD.replace('["nmf"]', "[]"), r"methods, peers and baselines are all empty"),
        (
            GOOD + 'components = ["three"]',
            r'components must be a list such as \["true", "true\+1", "found"\]',
        ),
        (GOOD + "[limits]\nseconds = -1", r"limits\.seconds must be a positive number, got -1"),
        (GOOD + "[limits]\nfresh = 1", r"limits\.fresh must be true or false, got 1"),
        (GOOD + "[limits]\nhours = 1", r"unknown limit 'hours'"),
        (GOOD + 'modules = ["absent.py"]', r"modules must be Python files, there is none at .*absent\.py"),
        (GOOD + "[method_settings.nmf]\nmax_iteration = 5", r"max_iteration"),
        (GOOD + "[method_settings.nfm]\n", r"unknown method 'nfm'"),
        (GOOD + "[scenes.film]\n", r"unknown phantom 'film'"),
        (
            GOOD + '[scenes.film]\nphantom = "nicr_film"\ndetector = "real"',
            r"unknown detector of scene film 'real'",
        ),
        (
            GOOD + '[scenes.film]\nphantom = "nicr_film"\nacquisition = {gain = 9.0}',
            r"acquisition of scene film: gain",
        ),
        (
            GOOD.replace('["nicr_film"]', '["nicr_film", "mine"]')
            + '[scenes.mine]\nfile = "a.npz"\ncomponents = 2\nlines = ["Fe_Ka"]',
            r"phantoms must have a truth, all or none",
        ),
        (GOOD + '[scenes.mine]\nfile = "a.npz"', r"components, lines of scene mine is required"),
        (
            GOOD + '[scenes.mine]\nfile = "a.npz"\ncomponent = 2',
            r"unknown key of scene mine 'component': did you mean 'components'",
        ),
        (
            GOOD + '[scenes.mine]\nfile = "a.npz"\ncomponents = 0\nlines = ["Fe_Ka"]',
            r"components of scene mine must be a whole number from 1 up, got 0",
        ),
        (
            GOOD + '[scenes.mine]\nfile = "a.npz"\ncomponents = 2\nlines = []',
            r"lines of scene mine must be a list such as",
        ),
        (GOOD + "[method_settings]\nnmf = 5", r"method_settings\.nmf must be a table of settings, got 5"),
        ("phantoms = [", r"is not valid TOML"),
    ],
)
def test_a_mistake_in_a_suite_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence) as error:
        load_suite(str(path))
    assert "\n" not in str(error.value)


def test_an_unknown_suite_names_the_near_ones():
    with pytest.raises(
        ValueError, match=r"unknown suite 'quik': did you mean 'quick'\? There are: .*\.toml file"
    ):
        load_suite("quik")


def test_a_scene_is_a_phantom_with_its_settings_detector_and_acquisition(tmp_path):
    path = tmp_path / "mine.toml"
    scenes = """
    [scenes.nicr_film]
    shape = [6, 16]
    pixel_nm = 16.0
    [scenes.shaken]
    phantom = "nicr_film"
    shape = [6, 16]
    pixel_nm = 16.0
    detector = {tail_share = 0.1, escape = true}
    acquisition = {drift_nm = [4.0, 0.0], frames = 3, gain = 1.01}
    """
    path.write_text(GOOD.replace('"nicr_film"', '"shaken", "nicr_film"') + scenes)
    shaken, plain = load_suite(str(path)).phantoms
    assert (shaken.name, plain.name) == ("shaken", "nicr_film")
    assert plain.build().navigation_shape == shaken.build().navigation_shape == (6, 16)
    assert shaken.recorded.drift_nm == (4.0, 0.0)
    assert shaken.identity()[0] != plain.identity()[0], "another detector has other endmembers"
    assert shaken.acquire(5, 0).acquisition.gain == 1.01


def test_numbers_of_components_follow_from_the_truth():
    cell = load_suite("smoke").cells()[0]
    asked = [replace(cell, components=c).n_components(3) for c in ("true", "true-1", "true+2", "found")]
    assert asked == [3, 2, 5, None]

"""Requests as a tired user types them: each gets one sentence, exit status 2, and leaves nothing behind."""

import numpy as np
import pytest

import bayesunmix as bu


@pytest.fixture
def refused(run, tmp_path):
    def call(said, *words):
        before = sorted(tmp_path.iterdir())
        status, out, err = run(*words)
        assert (status, out) == (2, ""), (out, err)
        lines = [line for line in err.splitlines() if not line.startswith("note: ")]
        assert len(lines) == 1 and lines[0].startswith("bayesunmix: "), err
        assert "Traceback" not in err and "  " not in lines[0], err
        assert said in lines[0], err
        assert sorted(tmp_path.iterdir()) == before

    return call


def test_words_that_no_command_knows(refused):
    refused("no such option: --componets", "unmix", "map.bcf", "--componets", 3, "--out", "x")
    refused("`bayesunmix unmix --help` shows what there is", "unmix", "map.bcf", "--componets", 3)
    refused("did you mean --components? `bayesunmix unmix", "unmix", "map.bcf", "--componets", 3)
    refused("no such command 'unmx'; did you mean 'unmix'? `bayesunmix --help`", "unmx", "map.bcf")
    refused(
        "'--components': must be a whole number, got 'two'",
        "unmix",
        "map.bcf",
        "--components",
        "two",
        "--out",
        "x",
    )
    refused("missing", "unmix")
    refused("missing option '--out'", "unmix", "map.bcf")
    refused("missing argument 'RESULT'", "check")
    refused("extra argument", "check", "first", "map.bcf", "second")
    refused("no such option: --nothing", "--nothing")


def test_settings(refused, file, tmp_path):
    def given(said, *settings, method="bayes"):
        words = [word for setting in settings for word in ("--set", setting)]
        refused(said, "unmix", file, "--out", tmp_path / "out", "--method", method, *words)

    given("setting n_draws of bayes must be a whole number, got 'abc'; its default is 200", "n_draws=abc")
    given("method 'bayes' has no setting 'nosuch'; its settings are endmember_model=smooth, ", "nosuch=1")
    given("did you mean 'n_draws'?", "ndraws=3")
    given("--set must be name=value, got 'n_draws'", "n_draws")
    given("setting n_draws is given twice", "n_draws=3", "n_draws=4")
    given("must be greater than 0, got 0", "n_draws=0")
    given("must be a whole number, got '2.5'", "n_chains=2.5")
    given("unknown endmember model 'smoth': did you mean 'smooth'", "endmember_model=smoth")
    given("setting gain of bayes_nuts must be yes or no, got 'perhaps'", "gain=perhaps", method="bayes_nuts")
    given("must be blind or lines, got 'both'", "endmembers=both", method="bayes_nuts")
    given("there is no file 'no.csv'", "endmembers=no.csv", method="nmf_semi")
    given('must be JSON such as {"n_starts": 4}, or none, got', "settings=3", method="bootstrap")
    given("its settings are none", "n_draws=3", method="cli_bare")


def test_places(refused, film, tmp_path):
    box = "--box must "
    refused("a region is given by --box or by --mask, got none", "region", film)
    refused("got both", "region", film, "--box", "0:2,0:2", "--mask", "mask.npy")
    refused(box + "give first:stop for each axis of the map (y,x), got '1:3'", "region", film, "--box", "1:3")
    refused("the whole map is 0:8,0:40", "region", film, "--box", "1-3,2-4")
    refused(box + "lie inside the map, which is 0:8,0:40", "region", film, "--box", "0:9,0:2")
    refused("and hold a pixel", "region", film, "--box", "3:3,0:2")
    refused("and hold a pixel", "region", film, "--box", "5:3,0:2")
    refused("must contain a pixel inside the image's mask", "region", film, "--box", "0:1,0:2")
    refused("from 0,0 to 7,39, got '3'", "denoise", film, "--pixel", "3")
    refused("from 0,0 to 7,39, got '8,2'", "denoise", film, "--pixel", "8,2")
    refused("got '-1,2'", "denoise", film, "--pixel=-1,2")
    refused("one of --pixel, --box and --mask", "denoise", film)
    np.save(tmp_path / "turned.npy", np.ones((40, 8), bool))
    refused("mask must be bool of shape (8, 40)", "region", film, "--mask", tmp_path / "turned.npy")
    refused("mask must be bool", "phase-map", film, "--specimen", tmp_path / "turned.npy")
    refused("there is no file 'none.npy'", "region", film, "--mask", "none.npy")


def test_numbers(refused, film):
    refused("'--interval': must be a number, got '90%'", "fractions", film, "--interval", "90%")
    refused("between 0 and 1", "fractions", film, "--interval", 90)
    refused("false_alarms must lie between 0 and 1", "check", film, "--false-alarms", 5)
    refused("confidence must lie between 0 and 1", "identify", film, "--confidence", 95)
    refused("at_least must be above 0.5", "phase-map", film, "--at-least", 0.3)
    refused("seed must be a whole number", "region", film, "--box", ":,:", "--seed", -1)


def test_files_to_write(refused, film, file, tmp_path):
    refused("--out writes .csv or .json, got 'r.txt'", "region", film, "--box", ":,:", "--out", "r.txt")
    refused("is a folder", "region", film, "--box", ":,:", "--out", tmp_path)
    refused("there is no folder", "region", film, "--box", ":,:", "--out", tmp_path / "no" / "r.csv")
    taken = tmp_path / "taken.csv"
    taken.write_text("mine", encoding="utf-8")
    refused("is there already; choose another --out", "region", film, "--box", ":,:", "--out", taken)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years", encoding="utf-8")
    refused("is not empty", "unmix", file, "--method", "cli_probe", "--out", tmp_path / "thesis")
    refused("--out writes .html, got 'page.pdf'", "report", film, "--out", "page.pdf")


def test_the_image_itself_is_never_replaced(run, film, tmp_path):
    image = tmp_path / "film.npz"
    image.write_bytes((film.parent / "film.npz").read_bytes())
    before = image.read_bytes()
    status, _, err = run("phase-map", film, image, "--out", image, "--overwrite")
    assert status == 2 and "is what was read; choose another --out" in err
    assert image.read_bytes() == before


def test_results_that_cannot_answer(refused, prepared, film, tmp_path):
    result, _ = prepared
    image = film.parent / "film.npz"
    estimate = bu.Factorization(result.estimate.endmembers, result.estimate.abundances)
    bu.save_result(bu.Unmixing(estimate, None, result.info, grid=result.grid), tmp_path / "point.nc")
    signed = bu.Factorization(-result.estimate.endmembers, -result.estimate.abundances)
    bu.save_result(bu.Unmixing(signed, None, result.info, grid=result.grid), tmp_path / "pca.nc")
    refused("needs a result with a posterior", "region", tmp_path / "point.nc", image, "--box", ":,:")
    refused("needs a result with a posterior", "denoise", tmp_path / "point.nc", image, "--pixel", "1,1")
    refused("needs a result with a posterior", "phase-map", tmp_path / "point.nc", image)
    refused("must not be negative", "region", tmp_path / "pca.nc", image, "--box", ":,:")
    refused("must not be negative", "check", tmp_path / "pca.nc", image)
    refused("lines must be families on the energy axis", "lines", film, "--lines", "Ni_Q")

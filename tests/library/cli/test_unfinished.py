"""A scan that was not finished: rows of NaN are masked before values are judged, and equal zeros bit for bit."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.cli.asked import asking
from bayesunmix.io.dataset import to_image
from tests.library.test_io import save, signal

REACHED = np.arange(6)[:, None] + np.zeros((6, 5)) < 4


@pytest.fixture
def counts():
    return np.random.default_rng(3).poisson(1, (6, 5, 60)).astype(np.float32)


@pytest.fixture(params=[np.nan, np.inf, -3.0, 0.5])
def unfinished(counts, request):
    counts[~REACHED] = request.param
    return counts


def same(one, other):
    assert one.shape == other.shape and one.axes == other.axes
    for name in ("data", "indices", "indptr"):
        first, second = getattr(one.counts, name), getattr(other.counts, name)
        assert first.dtype == second.dtype and first.tobytes() == second.tobytes()
    np.testing.assert_array_equal(one.energy_kev, other.energy_kev)
    np.testing.assert_array_equal(one.mask, other.mask)


@pytest.mark.parametrize("suffix", [".hspy", ".zspy", ".rpl"])
def test_a_masked_file_equals_one_with_zeros(unfinished, tmp_path, suffix):
    path = save(tmp_path / f"map{suffix}", signal(unfinished))
    zeros = save(tmp_path / f"zeros{suffix}", signal(np.where(REACHED[..., None], unfinished, 0)))
    np.save(tmp_path / "mask.npy", REACHED)
    expected = bu.read(zeros).within(REACHED)
    for mask in (REACHED, tmp_path / "mask.npy", str(tmp_path / "mask.npy")):
        same(bu.read(path, mask=mask), expected)
    with pytest.raises(ValueError, match="counts must"):
        bu.read(path)


def test_a_mask_for_a_file_of_ours(counts, tmp_path):
    image = bu.SpectrumImage(counts, 1 + 0.01 * np.arange(60))
    bu.write(image, tmp_path / "map.npz")
    same(bu.read(tmp_path / "map.npz", mask=REACHED), image.within(REACHED))


def test_an_array_and_a_signal(unfinished):
    energy = 1 + 0.01 * np.arange(60)
    expected = bu.SpectrumImage(np.where(REACHED[..., None], unfinished, 0), energy, mask=REACHED)
    same(bu.SpectrumImage(unfinished, energy, mask=REACHED), expected)
    axes = [{"name": name, "units": "", "scale": 1.0, "navigate": True} for name in "yx"]
    spectral = {"name": "E", "units": "keV", "axis": energy, "navigate": False}
    same(to_image("it", unfinished, [*axes, spectral], REACHED), expected)


def test_a_mask_that_does_not_fit_is_refused(counts, tmp_path):
    path = save(tmp_path / "map.hspy", signal(counts))
    for mask, said in (
        (REACHED[1:], r"does not fit .* of shape \(6, 5\), got bool of shape \(5, 5\)"),
        (REACHED.astype(int), "must be bool"),
        (np.zeros((6, 5), bool), "is False in all"),
    ):
        with pytest.raises(ValueError, match=said):
            bu.read(path, mask=mask)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none.npy"):
        bu.read(path, mask=tmp_path / "none.npy")


@pytest.mark.usefixtures("without_relevance")
def test_the_command_line_unmixes_and_asks_it(run, counts, tmp_path, strict):
    found = {}
    for name, value in (("unfinished", np.nan), ("zeros", 0)):
        counts[~REACHED] = value
        path = save(tmp_path / f"{name}.hspy", signal(counts))
        np.save(tmp_path / "mask.npy", REACHED)
        request = "--mask", tmp_path / "mask.npy", "--components", 2, "--method", "fisher_conditional"
        assert run("unmix", path, "--out", tmp_path / name, *request)[0] == 0
        found[name] = bu.load_result(tmp_path / name / "result.nc")
        with asking(tmp_path / name, None) as asked:
            np.testing.assert_array_equal(asked.image.mask, REACHED)
        assert run("region", tmp_path / name, "--box", "0:2,0:2", "--out", tmp_path / f"{name}.json")[0] == 0
        status, out, _ = run(
            "rank", path, "--mask", tmp_path / "mask.npy", "--out", tmp_path / f"{name}_rank"
        )
        assert status == 0
        found[f"{name}_rank"] = out.splitlines()[-1]
    for part in ("endmembers", "abundances"):
        one, other = (getattr(found[name].estimate, part) for name in ("unfinished", "zeros"))
        np.testing.assert_array_equal(one, other)
    assert found["unfinished_rank"] == found["zeros_rank"]
    one, other = (strict(tmp_path / f"{name}.json")["quantities"] for name in ("unfinished", "zeros"))
    assert one == other
    status, _, err = run("rank", tmp_path / "unfinished.hspy")
    assert status == 2 and "finite" in err

"""Labels as numbers, and as one mask for each phase."""

import numpy as np
import pytest
from PIL import Image

from bayesunmix.claims.claim import UNASSIGNED
from bayesunmix.claims.reading import read_claim

LABELS = np.random.default_rng(2).integers(1, 4, (9, 13))


def written(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding, newline="")
    return path


def as_text(values, delimiter=",", form="{}", end="\n"):
    return end.join(delimiter.join(form.format(v) for v in row) for row in values) + end


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", as_text(LABELS)),
        ("a.csv", "\ufeff" + as_text(LABELS, ";", end="\r\n")),
        ("a.txt", as_text(LABELS, "\t")),
        ("a.txt", as_text(LABELS, " ")),
        ("a.txt", as_text(LABELS, "   ", "{}.0")),
        ("a.csv", as_text(LABELS, ";", "{},00")),
        ("a.txt", as_text(LABELS, " ", "{},0")),
        ("a.csv", as_text(LABELS, ",", '"{}"')),
        ("a.csv", "AZtec export\nWidth: 13\nHeight: 9\n" + as_text(LABELS)),
        ("a.csv", "# made by hand\n# 9 x 13\n" + as_text(LABELS)),
        ("a.csv", as_text(LABELS, ",", end=",\n")),
        ("a.dat", as_text(LABELS, "|", end="\r")),
    ],
)
def test_grids_in_text(name, text, tmp_path):
    claim = read_claim(written(tmp_path / name, text))
    np.testing.assert_array_equal(claim.labels, LABELS - 1)
    assert claim.names == ("phase 1", "phase 2", "phase 3")
    assert any("is read as a grid of labels" in note for note in claim.notes)
    np.testing.assert_array_equal(read_claim(labels=tmp_path / name).labels, claim.labels)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_grids_in_tiff_and_numpy(kind, tmp_path):
    values = LABELS.astype(kind)
    Image.fromarray(values).save(tmp_path / "map.tif")
    np.save(tmp_path / "map.npy", values)
    np.savez_compressed(tmp_path / "map.npz", labels=values, other=np.zeros(3))
    np.save(tmp_path / "turned.npy", np.asfortranarray(values))
    for name in ("map.tif", "map.npy", "map.npz", "turned.npy"):
        np.testing.assert_array_equal(read_claim(tmp_path / name).labels, LABELS - 1)


def test_rows_of_x_y_and_a_phase(tmp_path):
    rows = [f"{0.5 * x},{0.25 * y},{LABELS[y, x]}" for x in range(13) for y in range(9)]
    claim = read_claim(written(tmp_path / "map.csv", "X,Y,Phase\n" + "\n".join(rows)))
    np.testing.assert_array_equal(claim.labels, LABELS - 1)


def test_a_png_of_numbers(tmp_path):
    Image.fromarray(LABELS.astype(np.uint8)).save(tmp_path / "map.png")
    np.testing.assert_array_equal(read_claim(tmp_path / "map.png").labels, LABELS - 1)
    grey = written(tmp_path / "l.csv", "A,#010101\nB,#020202\nC,#030303\n")
    claim = read_claim(tmp_path / "map.png", grey)
    assert claim.names == ("A", "B", "C")
    np.testing.assert_array_equal(claim.labels, LABELS - 1)


def test_names_of_numbers(tmp_path):
    grid = written(tmp_path / "map.csv", as_text(LABELS * 10))
    names = written(tmp_path / "names.csv", "Name;ID\nQuartz;20\nunclassified;10\nAlbite;30\n")
    claim = read_claim(grid, names)
    assert claim.names == ("Quartz", "Albite")
    np.testing.assert_array_equal(claim.labels, LABELS - 2)
    with pytest.raises(ValueError, match=r"does not name the numbers 30 of 'map\.csv'"):
        read_claim(grid, written(tmp_path / "few.csv", "id,name\n10,A\n20,B\n"))
    with pytest.raises(ValueError, match=r"names 2 phases.*10, 20, 30"):
        read_claim(grid, written(tmp_path / "few.csv", "A,#ff0000\nB,#00ff00\n"))


def test_zero_and_nan_are_no_phase_unless_said(tmp_path):
    grid = written(tmp_path / "map.csv", as_text(LABELS - 1))
    claim = read_claim(grid)
    np.testing.assert_array_equal(claim.labels, LABELS - 2)
    assert read_claim(grid, unassigned=-1).names == ("phase 0", "phase 1", "phase 2")
    claim = read_claim(grid, unassigned=2)
    np.testing.assert_array_equal(claim.labels, np.where(LABELS == 3, UNASSIGNED, LABELS - 1))
    values = LABELS.astype(float)
    values[0, 0] = np.nan
    np.save(tmp_path / "map.npy", values)
    claim = read_claim(tmp_path / "map.npy")
    assert claim.labels[0, 0] == UNASSIGNED
    assert any("NaN) in 1 pixels" in note for note in claim.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3\n1,2\n", "line 2 has 2, and line 1 3"),
        ("1,2,3\n1,x,3\n", "line 2 has 'x'"),
        ("1,2.5,3\n1,2,3\n", "no labels, and is not named after an element"),
        ("-1,-1\n-1,-1\n", "all pixels are unassigned"),
        ('1,2\n"1,2\n', "quote that is not closed"),
        ("\n \n", "is empty"),
    ],
)
def test_bad_grids_are_a_sentence(text, said, tmp_path):
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(written(tmp_path / "map.csv", text))
    assert "map.csv" in str(caught.value)


def test_what_is_no_label_map(tmp_path):
    grid = written(tmp_path / "map.csv", as_text(LABELS + 0.5))
    with pytest.raises(ValueError, match=r"must have a whole number for each phase, and has \d\.5"):
        read_claim(labels=grid)
    many = written(tmp_path / "many.csv", as_text(np.arange(600).reshape(20, 30)))
    with pytest.raises(ValueError, match="600 different numbers"):
        read_claim(labels=many)
    np.save(tmp_path / "cube.npy", np.zeros((3, 4, 5)))
    with pytest.raises(
        ValueError, match=r"'cube\.npy' must be a map of numbers with two axes, got 3 x 4 x 5"
    ):
        read_claim(tmp_path / "cube.npy")
    np.savez(tmp_path / "two.npz", a=LABELS, b=LABELS)
    with pytest.raises(ValueError, match="holds 2 arrays"):
        read_claim(tmp_path / "two.npz")
    assert read_claim(tmp_path / "two.npz", dataset="b").labels.shape == LABELS.shape
    pages = [Image.fromarray(LABELS.astype(np.uint8))] * 3
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match=r"'pages\.tif' holds 3 pages"):
        read_claim(tmp_path / "pages.tif")


def masks_of(folder, labels=LABELS, white=255):
    for code in (1, 2, 3):
        Image.fromarray(((labels == code) * white).astype(np.uint8)).save(folder / f"m{code}.png")
    return [folder / f"m{code}.png" for code in (1, 2, 3)]


def test_masks(tmp_path):
    files = masks_of(tmp_path)
    claim = read_claim(*files)
    assert claim.names == ("m1", "m2", "m3")
    np.testing.assert_array_equal(claim.labels, LABELS - 1)
    claim = read_claim(labels={"Cr": files[0], "Ni": files[2]})
    assert claim.names == ("Cr", "Ni")
    np.testing.assert_array_equal(claim.labels, np.choose(LABELS, [0, 0, UNASSIGNED, 1]))
    np.save(tmp_path / "m.npy", LABELS == 2)
    claim = read_claim(tmp_path / "m.npy")
    assert claim.names == ("m",)
    np.testing.assert_array_equal(claim.labels, np.where(LABELS == 2, 0, UNASSIGNED))
    ones = masks_of(tmp_path, white=1)
    np.testing.assert_array_equal(read_claim(labels=ones).labels, LABELS - 1)


def test_masks_enlarged_with_blends(tmp_path):
    from bayesunmix.claims.on_grid import on_grid

    labels = np.repeat(np.repeat([[1, 2], [3, 1]], 8, axis=0), 10, axis=1)
    files = masks_of(tmp_path, labels)
    for file in files:
        Image.open(file).resize((80, 64), Image.BILINEAR).save(file)
    claim = read_claim(labels=files)
    np.testing.assert_array_equal(on_grid(claim.labels, labels.shape), labels - 1)


def test_masks_that_do_not_fit_together(tmp_path):
    first, second, third = masks_of(tmp_path)
    Image.fromarray(((LABELS <= 2) * 255).astype(np.uint8)).save(second)
    overlap = int((LABELS == 1).sum())
    with pytest.raises(ValueError, match=f"'m1' and 'm2' overlap in {overlap} pixels"):
        read_claim(first, second)
    claim = read_claim(labels={"A": first, "B": first, "C": third})
    assert claim.names == ("A", "C")
    assert any("are equal" in note for note in claim.notes)
    Image.fromarray(np.zeros((9, 13), np.uint8)).save(second)
    with pytest.raises(ValueError, match=r"'m2\.png' is black everywhere"):
        read_claim(labels=[first, second])
    Image.fromarray(np.full((9, 12), 255, np.uint8)).save(second)
    with pytest.raises(ValueError, match=r"'m2\.png' has 9 x 12 pixels, and 'm1\.png' 9 x 13"):
        read_claim(first, second)

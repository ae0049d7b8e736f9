"""Label pictures with a legend: what is decided is right, whatever was done to the picture after the map was made."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.claims.labels import read_labels
from bayesunmix.claims.legend import Legend
from bayesunmix.claims.on_grid import native_grid, on_grid
from bayesunmix.claims.pictures import Picture
from bayesunmix.claims.reading import read_claim
from simulations import PHANTOMS

COLOURS = [
    *((230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200)),
    *((245, 130, 48), (145, 30, 180), (70, 240, 240), (240, 50, 230)),
]


def truth(name):
    """Label map of a phantom: the phase with most counts in each pixel, -1 in vacuum."""
    phantom = PHANTOMS[name]()
    abundances = np.asarray(phantom.truth.abundances)
    return np.where(abundances.sum(1) > 0, abundances.argmax(1), -1).reshape(phantom.navigation_shape)


def cells(seed, n_phases=6, shape=(48, 60)):
    """Draw a map of convex grains."""
    rng = np.random.default_rng(seed)
    centres = rng.random((3 * n_phases, 2)) * shape
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((y[..., None] - centres[:, 0]) ** 2 + (x[..., None] - centres[:, 1]) ** 2).argmin(-1) % n_phases


@pytest.fixture(scope="module")
def maps():
    return {name: truth(name) for name in ("grains", "overlapping_lines")}


def painted(labels, colours=COLOURS):
    rgb = np.zeros((*labels.shape, 3), np.uint8)
    rgb[labels >= 0] = np.array(colours, np.uint8)[labels[labels >= 0]]
    return rgb


def legend_file(folder, n=8, colours=COLOURS):
    path = folder / "legend.csv"
    path.write_text("".join(f"p{k},{r},{g},{b}\n" for k, (r, g, b) in enumerate(colours[:n])))
    return path


def resized(labels, factor, resample, path, bar=True):
    """Enlarge or reduce a picture, burn a scale bar in where it is enlarged, and save it."""
    size = round(labels.shape[1] * factor), round(labels.shape[0] * factor)
    image = Image.fromarray(painted(labels)).resize(size, resample)
    if bar and factor > 1:
        ImageDraw.Draw(image).rectangle([6, size[1] - 14, 90, size[1] - 6], fill=(255, 255, 255))
    image.save(path, quality=85)
    return path


def found_on(labels, path, legend):
    """Read a picture, lay it on the counts, and return the shares that are right, and that are wrong."""
    claim = read_claim(path, legend=legend)
    found = on_grid(claim.labels, labels.shape)
    numbers = np.array([int(name[1:]) for name in claim.names])
    found = np.where(found >= 0, numbers[np.maximum(found, 0)], found)
    decided = found != UNDECIDED
    return (found == labels).mean(), (decided & (found != labels)).mean(), decided.mean()


@pytest.mark.parametrize("name", ["grains", "overlapping_lines"])
@pytest.mark.parametrize(
    ("factor", "resample", "ending", "least", "most_wrong"),
    [
        (1, Image.NEAREST, "png", 1.0, 0),
        (1, Image.NEAREST, "bmp", 1.0, 0),
        (1, Image.NEAREST, "tif", 1.0, 0),
        (4, Image.NEAREST, "png", 0.995, 0),
        (3.7, Image.NEAREST, "png", 0.995, 0),
        (4, Image.BILINEAR, "png", 0.995, 0),
        (3.7, Image.BICUBIC, "png", 0.995, 0),
        (3.7, Image.BICUBIC, "jpg", 0.99, 0.0005),
        (4, Image.NEAREST, "jpg", 0.99, 0.0005),
        (8, Image.BICUBIC, "jpg", 0.99, 0.0005),
        (2, Image.BICUBIC, "png", 0.95, 0),
        (5, Image.LANCZOS, "png", 0.985, 0),
        (1 / 1.5, Image.BICUBIC, "png", 0.5, 0.001),
        (1 / 2, Image.BILINEAR, "png", 0.5, 0.001),
        (1 / 1.5, Image.NEAREST, "png", 0.5, 0.001),
        (1 / 2, Image.BICUBIC, "jpg", 0.3, 0.001),
    ],
)
def test_labels_come_back(maps, name, factor, resample, ending, least, most_wrong, tmp_path):
    labels = maps[name]
    path = resized(labels, factor, resample, tmp_path / f"map.{ending}")
    right, wrong, _ = found_on(labels, path, legend_file(tmp_path))
    assert right >= least
    assert wrong <= most_wrong


def test_blends_are_not_taken_for_a_third_phase(tmp_path):
    """Between red and blue lies purple, and purple is a phase: not one pixel of it along the edge."""
    colours = [(255, 0, 0), (0, 0, 255), (128, 0, 128)]
    labels = np.zeros((40, 60), int)
    labels[:, 20:40], labels[10:30, 45:] = 1, 2
    for factor, resample in ((4, Image.BILINEAR), (8, Image.BICUBIC), (5, Image.LANCZOS)):
        image = Image.fromarray(painted(labels, colours))
        image.resize((60 * factor, 40 * factor), resample).save(tmp_path / "map.png")
        claim = read_claim(tmp_path / "map.png", legend=legend_file(tmp_path, 3, colours))
        found = on_grid(claim.labels, labels.shape)
        assert set(np.unique(found[:, :44])) <= {0, 1, UNDECIDED}
        assert ((found == labels) | (found == UNDECIDED)).all()
        assert (found == labels).mean() > 0.95


def test_any_palette_and_any_grains(tmp_path):
    right, wrong = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        while True:
            colours = rng.integers(0, 256, (6, 3))
            apart = np.linalg.norm(colours[:, None] - colours, axis=-1) + 1e3 * np.eye(6)
            if apart.min() > 60:
                break
        labels = cells(seed)
        legend = Legend(
            "legend", tuple("ABCDEF"), dict(zip("ABCDEF", map(tuple, colours.tolist()), strict=True))
        )
        image = Image.fromarray(painted(labels, colours)).resize((240, 192), Image.BILINEAR)
        found = on_grid(
            read_labels(Picture("map.png", np.asarray(image), "PNG"), legend).labels, labels.shape
        )
        right.append((found == labels).mean())
        wrong.append(((found != labels) & (found != UNDECIDED)).mean())
    assert np.mean(right) > 0.99
    assert np.mean(wrong) < 1e-4


def test_an_enlarged_picture_is_reduced_to_its_own_grid(tmp_path):
    labels = cells(1)
    claim = read_claim(
        resized(labels, 4, Image.NEAREST, tmp_path / "map.png"), legend=legend_file(tmp_path, 6)
    )
    assert claim.labels.shape == labels.shape
    assert any("enlarged 4 x 4 times" in note for note in claim.notes)
    same = claim.labels != UNDECIDED
    np.testing.assert_array_equal(claim.labels[same], labels[same])
    assert (~same).sum() <= 22 * 3, "what the scale bar covers"


def test_a_native_picture_is_never_reduced():
    layers = np.repeat([[0, 1, 2, 1]], 16, axis=0).repeat(16, axis=1)
    assert native_grid(layers)[1] == (1, 1)
    assert native_grid(cells(2))[1] == (1, 1)
    assert native_grid(np.zeros((8, 8), int))[1] == (1, 1)
    twice = np.kron(cells(2), np.ones((2, 2), int))
    assert native_grid(twice)[0].shape == twice.shape, (
        "it may be a map of binned pixels at the size of the counts"
    )
    small, factors = native_grid(np.kron(cells(2), np.ones((3, 3), int)))
    assert factors == (3, 3)
    np.testing.assert_array_equal(small, cells(2))


def test_text_and_a_black_bar_are_not_decided_and_noted(tmp_path):
    labels = cells(3)
    image = Image.fromarray(painted(labels))
    ImageDraw.Draw(image).rectangle([4, 40, 14, 41], fill=(0, 0, 0))
    image.save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 6))
    assert (claim.labels[40:42, 4:15] == UNDECIDED).all()
    assert (claim.labels == UNDECIDED).sum() == 22
    assert any("0.76 %" in note and "(0, 0, 0)" in note for note in claim.notes)


def test_much_black_is_no_phase_and_the_note_says_so(maps, tmp_path):
    labels = maps["overlapping_lines"]
    Image.fromarray(painted(labels)).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 3))
    np.testing.assert_array_equal(claim.labels, labels)
    assert any("black is no colour of the legend" in note for note in claim.notes)


def test_the_row_unassigned_names_the_colour_of_no_phase(tmp_path):
    labels = cells(4, 3)
    Image.fromarray(painted(labels)).save(tmp_path / "map.png")
    for name in ("unassigned", "[Unclassified]", "Not indexed", "No Phase"):
        (tmp_path / "l.csv").write_text(f"A,#e6194b\n{name},#3cb44b\nB,#ffe119\n")
        claim = read_claim(tmp_path / "map.png", tmp_path / "l.csv")
        assert claim.names == ("A", "B")
        np.testing.assert_array_equal(claim.labels == UNASSIGNED, labels == 1)


def test_transparent_pixels_are_unassigned(tmp_path):
    labels = cells(5, 3)
    rgba = np.dstack([painted(labels), np.where(labels == 2, 0, 255).astype(np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 2))
    np.testing.assert_array_equal(claim.labels, np.where(labels == 2, UNASSIGNED, labels))


def test_a_picture_without_a_legend_has_a_phase_for_each_colour(tmp_path):
    labels = cells(6, 4)
    Image.fromarray(painted(labels)).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png")
    assert set(claim.names) == {"colour #e6194b", "colour #3cb44b", "colour #ffe119", "colour #0082c8"}
    assert claim.colours["colour #3cb44b"] == (60, 180, 75)
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(bytes(c for colour in COLOURS for c in colour))
    picture.save(tmp_path / "palette.png")
    claim = read_claim(tmp_path / "palette.png")
    assert claim.names == ("colour 0", "colour 1", "colour 2", "colour 3")
    np.testing.assert_array_equal(claim.labels, labels)
    claim = read_claim(tmp_path / "palette.png", legend_file(tmp_path, 4))
    assert claim.names == ("p0", "p1", "p2", "p3")
    np.testing.assert_array_equal(claim.labels, labels)


@pytest.mark.parametrize(
    "text",
    [
        "A,#e6194b\nB,#3cb44b\n",
        "A;230,25,75\r\nB;60,180,75\r\n",
        "name\tr\tg\tb\nA\t230\t25\t75\nB\t60\t180\t75\n",
        "b,g,r,Phase\n75,25,230,A\n75,180,60,B\n",
        "#E6194B,A\n#3CB44B,B\n",
        '\ufeff"colour","phase"\n"#e6194b","A"\n"#3cb44b","B"\n',
        "id;name;color\n7;A;#e6194b\n9;B;#3cb44b\n",
        "1,A,230,25,75\n2,B,60,180,75\n",
        "Farbe|Phase\n#e6194b|A\n#3cb44b|B\n",
        "A rgb(230, 25, 75)\nB rgb(60, 180, 75)\n".replace(", ", ",").replace(" rgb", "\trgb"),
        "# exported\nA,0xe6194b\n\nB,0x3cb44b\n",
    ],
)
def test_legends_in_any_form(text, tmp_path):
    labels = cells(7, 2)
    Image.fromarray(painted(labels)).save(tmp_path / "map.png")
    (tmp_path / "legend.csv").write_text(text, encoding="utf-8", newline="")
    claim = read_claim(tmp_path / "map.png", tmp_path / "legend.csv")
    assert claim.names == ("A", "B")
    assert claim.colours == {"A": (230, 25, 75), "B": (60, 180, 75)}
    np.testing.assert_array_equal(claim.labels, labels)


def test_names_of_several_words(tmp_path):
    labels = cells(7, 2)
    Image.fromarray(painted(labels)).save(tmp_path / "map.PNG")
    (tmp_path / "legend.txt").write_text("iron oxide #e6194b\nnickel, pure  #3cb44b\n")
    assert read_claim(tmp_path / "map.PNG", tmp_path / "legend.txt").names == ("iron oxide", "nickel, pure")


def test_a_legend_may_be_a_mapping(tmp_path):
    labels = cells(7, 2)
    Image.fromarray(painted(labels)).save(tmp_path / "map.png")
    claim = read_claim(labels=tmp_path / "map.png", legend={"A": "#e6194b", "B": (60, 180, 75)})
    np.testing.assert_array_equal(claim.labels, labels)
    np.save(tmp_path / "map.npy", labels)
    claim = read_claim(labels=tmp_path / "map.npy", legend={"B": 1, "A": 0})
    assert claim.names == ("A", "B")
    np.testing.assert_array_equal(claim.labels, labels)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,#e6194b\nA,#3cb44b\n", "names 'A' twice"),
        ("A,#e6194b\nB,#e6194b\n", "the same colour"),
        ("A,#e6194b\nB,#3cb4\n", r"no colour in line 2"),
        ("A,#e6194b\n,#3cb44b\n", "no name in line 2"),
        ("name,r,g,b\nA,230,25,75\nB,60,180,300\n", "no colour in line 3"),
        ("A\nB\n", "may be a legend"),
        ("A,#010203\nB,#040506\n", r"100 % of the pixels.*\(\d+, \d+, \d+\), \d+\.\d %"),
    ],
)
def test_bad_legends_are_a_sentence(text, said, tmp_path):
    Image.fromarray(painted(cells(8, 2))).save(tmp_path / "map.png")
    (tmp_path / "legend.csv").write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(tmp_path / "map.png", tmp_path / "legend.csv")
    assert "legend.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_a_phase_that_the_legend_forgot_is_noted(tmp_path):
    labels = cells(9, 4)
    Image.fromarray(painted(labels)).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 3))
    np.testing.assert_array_equal(claim.labels, np.where(labels == 3, UNDECIDED, labels))
    assert any("(0, 130, 200)" in note for note in claim.notes)


@pytest.mark.parametrize("factor", [1, 4])
def test_colours_that_a_program_shifted_are_recognised_and_noted(factor, tmp_path):
    labels = cells(13, 4)
    shifted = [tuple(min(c + 4, 255) for c in colour) for colour in COLOURS]
    image = Image.fromarray(painted(labels, shifted))
    image.resize((60 * factor, 48 * factor), Image.BILINEAR).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 4))
    found = on_grid(claim.labels, labels.shape)
    assert (found == labels).mean() > 0.98 and ((found == labels) | (found == UNDECIDED)).all()
    assert sum("taken for the same" in note for note in claim.notes) == 4


def test_colours_that_jpeg_does_not_keep_apart(tmp_path):
    near = [(128, 128, 128), (140, 128, 128), (0, 0, 0)]
    Image.fromarray(painted(cells(10, 3), near)).save(tmp_path / "map.jpg", quality=85)
    with pytest.raises(ValueError, match=r"'p0' and 'p1' .*differ by 12 steps, which JPEG does not keep"):
        read_claim(tmp_path / "map.jpg", legend_file(tmp_path, 3, near))
    Image.fromarray(painted(cells(10, 3), near)).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 3, near))
    np.testing.assert_array_equal(claim.labels, cells(10, 3))


def test_a_photograph_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "photo.png")
    with pytest.raises(ValueError, match=r"photo\.png.*photograph or a layered image"):
        read_claim(tmp_path / "photo.png", legend_file(tmp_path))
    with pytest.raises(ValueError, match="has 4,096 colours, and no more than 64"):
        read_claim(tmp_path / "photo.png")


def test_phases_that_are_nowhere_are_left_out_unless_something_is_said_of_them(tmp_path):
    Image.fromarray(painted(cells(11, 3))).save(tmp_path / "map.png")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 8))
    assert claim.names == ("p0", "p1", "p2")
    (tmp_path / "areas.csv").write_text("p0,40 %\np1,30 %\np2,30 %\np5,0 %\n")
    claim = read_claim(tmp_path / "map.png", legend_file(tmp_path, 8), tmp_path / "areas.csv")
    assert claim.names == ("p0", "p1", "p2", "p5")
    assert claim.areas["p5"].fraction == 0


def test_on_grid_with_an_origin_and_a_step():
    labels = cells(12)
    picture = np.pad(np.kron(labels, np.ones((3, 3), int)), ((5, 20), (7, 1)), constant_values=UNDECIDED)
    np.testing.assert_array_equal(on_grid(picture, labels.shape, origin=(5, 7), step=(3, 3)), labels)
    cut = on_grid(picture, (50, 62), origin=(2, 4), step=(3, 3))
    np.testing.assert_array_equal(cut[1:49, 1:61], labels)
    assert (cut[0] == UNDECIDED).all() and (cut[:, 0] == UNDECIDED).all()
    with pytest.raises(ValueError, match="step must be positive"):
        on_grid(picture, (4, 4), step=(0, 1))
    with pytest.raises(ValueError, match="whole numbers"):
        on_grid(picture * 1.0, (4, 4))


def test_on_grid_decides_by_majority_and_coarser_pixels_only_where_four_agree():
    assert on_grid(np.array([[0, 0, 1], [0, 1, 1], [0, 0, -2]]), (1, 1)).tolist() == [[0]]
    assert on_grid(np.array([[0, 1], [1, 0]]), (1, 1)).tolist() == [[UNDECIDED]]
    found = on_grid(np.array([[0, 0, 1, 1]]), (1, 8))
    assert found.tolist() == [[0, 0, 0, UNDECIDED, UNDECIDED, 1, 1, 1]]

"""The registry: files are names, listing imports nothing, and a wrong name is told what is near."""

import subprocess
import sys

import pytest

from bayesunmix.contracts.method import METHODS
from bayesunmix.contracts.registry import Registry, UnknownName


@pytest.fixture
def fruit(tmp_path, monkeypatch):
    """A package of members that the registry in `fruit_basket` is bound to."""
    (tmp_path / "fruit_basket.py").write_text(
        "from bayesunmix.contracts.registry import Registry\nFRUIT = Registry('fruit', 'fruits')\n"
    )
    folder = tmp_path / "fruits"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_private.py").write_text("raise RuntimeError('a file with an underscore is no member')")
    (folder / "broken.py").write_text("raise RuntimeError('imported')")
    (folder / "misnamed.py").write_text(
        "from fruit_basket import FRUIT\n@FRUIT.register('plum')\nclass Plum: ...\n"
    )
    for name in ("apple", "apricot", "banana"):
        (folder / f"{name}.py").write_text(
            f"from fruit_basket import FRUIT\n@FRUIT.register('{name}')\nclass Member: ...\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("fruit_basket").FRUIT
    for name in [name for name in sys.modules if name.split(".")[0] in ("fruits", "fruit_basket")]:
        del sys.modules[name]


def test_listing_imports_no_member(fruit):
    assert list(fruit) == ["apple", "apricot", "banana", "broken", "misnamed"]
    assert len(fruit) == 5
    assert "broken" in fruit
    assert "_private" not in fruit
    assert not any(name.startswith("fruits.") for name in sys.modules)
    assert fruit["apple"].__module__ == "fruits.apple"
    assert {name for name in sys.modules if name.startswith("fruits.")} == {"fruits.apple"}


def test_listing_methods_in_a_process_of_its_own_imports_no_method():
    code = (
        "import sys; from bayesunmix.contracts.method import METHODS; print(*METHODS); print('nmf' in METHODS)\n"
        "print(*[m for m in sys.modules if m.startswith('bayesunmix.methods.') or m in ('jax', 'sklearn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, found, imported = done.stdout.split("\n")[:3]
    assert {"pca", "nmf", "bayes_gibbs"} <= set(names.split())
    assert (found, imported) == ("True", "")


def test_a_wrong_name_is_told_what_is_near(fruit):
    with pytest.raises(
        UnknownName, match=r"^unknown fruit 'aple': did you mean 'apple'.*There are: apple, apricot"
    ):
        fruit["aple"]
    with pytest.raises(
        UnknownName, match=r"^unknown fruit 'xyz': none is near that name. There are: apple, "
    ):
        fruit["xyz"]
    with pytest.raises(UnknownName, match="unknown fruit None"):
        fruit[None]
    with pytest.raises(UnknownName, match="did you mean 'nmf'"):
        METHODS["nfm"]


def test_an_unknown_name_is_a_key_error_and_a_value_error(fruit):
    for kind in (KeyError, ValueError):
        with pytest.raises(kind, match=r"^unknown fruit"):
            fruit["pear"]
    assert fruit.get("pear") is None


def test_an_error_inside_a_members_file_is_not_taken_for_an_unknown_name(fruit):
    with pytest.raises(RuntimeError, match="imported"):
        fruit["broken"]


def test_a_file_must_register_the_name_it_has(fruit):
    with pytest.raises(
        ImportError, match=r"fruits.misnamed must register a fruit named 'misnamed', as its file"
    ):
        fruit["misnamed"]


def test_two_members_cannot_share_a_name():
    registry = Registry("thing", "fruits_that_do_not_exist")

    class First: ...

    class Second: ...

    assert registry.register("one")(First) is First
    registry.register("one")(First)
    with pytest.raises(
        ValueError, match=f"thing 'one' is already registered by {__name__}; choose another name"
    ):
        registry.register("one")(Second)
    assert registry["one"] is First
    registry.register("object")(first := First())
    registry.register("object")(first)
    with pytest.raises(ValueError, match="thing 'object' is already registered"):
        registry.register("object")(First())
    assert list(registry) == ["object", "one"]
    assert registry.name_of(First) == "one"
    assert registry.name_of(Second) is None


def test_running_a_definition_again_replaces_the_member():
    registry = Registry("thing", "fruits_that_do_not_exist")

    def cell():
        @registry.register("mine")
        class Mine: ...

        return Mine

    first, second = cell(), cell()
    assert first is not second
    assert registry["mine"] is second

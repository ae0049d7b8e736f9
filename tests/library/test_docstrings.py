"""Every public name shows how it is used, and what it shows is true."""

import doctest
import importlib.util
import inspect

import pytest

import bayesunmix as bu

HYPERSPY = ("from_hyperspy", "to_hyperspy")


def examples_of(name):
    """The doctest of a public name's own docstring; that of a registry is its class's."""
    thing = getattr(bu, name)
    named = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    docstring = inspect.getdoc(named) or ""
    return docstring, doctest.DocTestParser().get_doctest(docstring, {}, f"bu.{name}", None, None)


@pytest.mark.parametrize("name", bu.__all__)
def test_every_public_name_has_examples(name):
    docstring, test = examples_of(name)
    assert "\nExamples\n--------\n" in docstring
    assert any(example.want for example in test.examples) or name in ("plot_rank", "plot_checks")


@pytest.mark.parametrize("name", bu.__all__)
@pytest.mark.filterwarnings("ignore::bayesunmix.UnmixingWarning")
def test_examples_print_what_they_say(name):
    if name in HYPERSPY and importlib.util.find_spec("hyperspy") is None:
        pytest.skip("HyperSpy is not installed here; make test-hyperspy runs this example")
    said: list[str] = []
    _, test = examples_of(name)
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not said, "".join(said)

"""`bayesunmix methods`, and `--set`: settings as they are typed."""

import bayesunmix as bu


def test_methods_lists_every_method_with_a_line(run):
    status, out, _ = run("methods")
    assert status == 0
    listed = [line.split(maxsplit=1) for line in out.splitlines()]
    assert [name for name, _ in listed] == list(bu.METHODS)

"""Public names mean the same whatever was imported before: no module of the library has the name of one."""

import pkgutil

import bayesunmix


def test_no_room_has_the_name_of_a_public_name():
    rooms = {module.name for module in pkgutil.iter_modules(bayesunmix.__path__)}
    assert {"dimension", "checks", "unmixing"} <= rooms
    assert rooms.isdisjoint(bayesunmix.__all__)

"""Members that other people's packages bring, read from the entry points of installed packages.

A package names its members in its `pyproject.toml`, under "bayesunmix." and the name of the plural folder::

    [project.entry-points."bayesunmix.methods"]
    mine = "their_package.mine"          # a module that registers "mine", or
    other = "their_package.more:Other"   # the object itself, which is registered as "other"

Listing the names reads metadata and imports nothing of the package; see the Python Packaging User Guide,
"Entry points specification".
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class BrokenPackage(ImportError, ValueError):
    """A member of an installed package that cannot be used; the sentence names the package."""


def installed(group: str) -> "dict[str, list[EntryPoint]]":
    """Find the entry points of a group, by name; two packages may bring the same name."""
    import importlib.metadata  # a tenth of a second, which nobody waits for who uses our own members

    found: dict[str, list[EntryPoint]] = {}
    for entry in importlib.metadata.entry_points(group=group):
        found.setdefault(entry.name, []).append(entry)
    return found


def package_of(entry: "EntryPoint") -> str:
    """Return the name and the version of the package that brings an entry point."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def load(entries: "list[EntryPoint]", member: str) -> Any:
    """Import what an entry point names.

    Parameters
    ----------
    entries : list of EntryPoint
        All that have the name.
    member : str
        What is loaded, for messages: "method 'mine'".

    Raises
    ------
    BrokenPackage
        If several packages bring the name, or the import fails.
    """
    packages = [package_of(entry) for entry in entries]
    if len(packages) > 1:
        raise BrokenPackage(
            f"{member} is brought by the packages {' and '.join(packages)}; uninstall all but one of them"
        )
    try:
        return entries[0].load()
    except Exception as error:
        reason = (str(error).strip().splitlines() or ["no message"])[0]
        raise BrokenPackage(
            f"{member} of the package {packages[0]} cannot be used ({type(error).__name__}: {reason}); "
            "update or uninstall that package"
        ) from error

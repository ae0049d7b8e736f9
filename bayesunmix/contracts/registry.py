"""Named members, one per file: the singular file defines, the plural folder fills.

A registry is bound to a package. The package's file names are the members' names, so listing them imports
nothing; the file is imported when its member is asked for. Code outside the package joins with `register`.
"""

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Member = TypeVar("Member")


class UnknownName(KeyError, ValueError):
    """A name that no member has. It is a `KeyError` to a mapping's user and a `ValueError` to a caller."""

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Mapping[str, Member]):
    """A mapping from names to members, filled by the files of one package.

    Parameters
    ----------
    kind : str
        What a member is, for messages: "method", "phantom", "metric".
    package : str
        Dotted name of the plural folder.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> "nmf" in bu.METHODS
    True
    >>> bu.METHODS["nmf"](tolerance=1e-7)
    NMF(n_starts=8, tolerance=1e-07, max_iterations=2000)
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._members: dict[str, Member] = {}

    def register(self, name: str) -> Callable[[Member], Member]:
        """Decorate a member: ``@METHODS.register("nmf")``.

        Raises
        ------
        ValueError
            If another member already has the name.
        """

        def add(member: Member) -> Member:
            present = self._members.get(name, member)
            if _origin(present) != _origin(member):
                raise ValueError(
                    f"{self.kind} {name!r} is already registered by {present.__module__}; choose another name"
                )
            self._members[name] = member
            return member

        return add

    def __getitem__(self, name: str) -> Member:
        if name not in self._members:
            require_name(name, self, self.kind)
            importlib.import_module(f"{self.package}.{name}")
            if name not in self._members:
                raise ImportError(
                    f"{self.package}.{name} must register a {self.kind} named {name!r}, as its file is named, "
                    "and does not; change one of the two names"
                )
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._file_names(), *self._members}))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def name_of(self, member: Member) -> str | None:
        """Name of a member that is already loaded, or None."""
        return next((name for name, m in self._members.items() if m is member), None)

    def _file_names(self) -> list[str]:
        spec = importlib.util.find_spec(self.package)
        paths = spec.submodule_search_locations if spec else None
        if paths is None:  # which would mean every module there is
            return []
        return [module.name for module in pkgutil.iter_modules(paths) if not module.name.startswith("_")]


def require_name(name: str, present: Iterable[str], kind: str, more: str = "") -> None:
    """Refuse a name that is not present, in a sentence with the near ones and all there are.

    Raises
    ------
    UnknownName
    """
    names = list(present)
    if name in names:
        return
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "none is near that name."
    raise UnknownName(f"unknown {kind} {name!r}: {hint} There are: {', '.join(names) or 'none'}{more}")


def _origin(member: object) -> object:
    """Where a class or function was defined, so that running a file again replaces its member.

    Any other object is only equal to itself: two of one class share their module.
    """
    qualname = getattr(member, "__qualname__", None)
    return (member.__module__, qualname) if qualname else id(member)

"""Named members, one per file: the singular file defines, the plural folder fills.

A registry is bound to a package. The package's file names are the members' names, so listing them imports
nothing; the file is imported when its member is asked for. Code outside the package joins with `register`, and
installed packages join with an entry point (`bayesunmix.contracts.entry_points`).
"""

import difflib
import importlib
import importlib.util
import pkgutil
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from bayesunmix.contracts.entry_points import BrokenPackage, installed, load, package_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Member = TypeVar("Member")


class UnknownName(KeyError, ValueError):
    """A name that no member has. It is a `KeyError` to a mapping's user and a `ValueError` to a caller."""

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Mapping[str, Member]):
    """A mapping from names to members, filled by the files of one package and by entry points.

    Parameters
    ----------
    kind : str
        What a member is, for messages: "method", "phantom", "metric".
    package : str
        Dotted name of the plural folder. "bayesunmix." and its last part name the group of entry points:
        "bayesunmix.methods".
    accepts : callable (object) -> bool
        Whether an object that an entry point names can be a member.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> "nmf" in bu.METHODS
    True
    >>> bu.METHODS["nmf"](tolerance=1e-7)
    NMF(n_starts=8, tolerance=1e-07, max_iterations=2000)
    """

    def __init__(self, kind: str, package: str, accepts: Callable[[Any], bool] = callable) -> None:
        self.kind = kind
        self.package = package
        self.group = f"bayesunmix.{package.rpartition('.')[2]}"
        self._accepts = accepts
        self._members: dict[str, Member] = {}
        self._installed: dict[str, list[EntryPoint]] | None = None

    def register(self, name: str) -> Callable[[Member], Member]:
        """Decorate a member: ``@METHODS.register("nmf")``.

        Raises
        ------
        ValueError
            If another member already has the name, or a file of the package that is not imported yet.
        """

        def add(member: Member) -> Member:
            if name in self._file_names() and f"{self.package}.{name}" not in sys.modules:
                raise ValueError(f"{self.kind} {name!r} is a file of {self.package}; choose another name")
            present = self._members.get(name, member)
            if _origin(present) != _origin(member):
                raise ValueError(
                    f"{self.kind} {name!r} is already registered by {present.__module__}; choose another name"
                )
            self._members[name] = member
            return member

        return add

    def __getitem__(self, name: str) -> Member:
        if name in self._members:
            return self._members[name]
        if name in self._file_names():
            importlib.import_module(f"{self.package}.{name}")
            if name not in self._members:
                raise ImportError(
                    f"{self.package}.{name} must register a {self.kind} named {name!r}, as its file is named, "
                    "and does not; change one of the two names"
                )
        else:
            require_name(name, self, self.kind)
            self._load(name)
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        """Go through all names; a name that an installed package and a file of ours have is ours, with a warning."""
        ours, found = self._file_names(), installed(self.group)
        for entry in (entry for name in ours for entry in found.pop(name, ())):
            warnings.warn(
                f"{self.kind} {entry.name!r} of the package {package_of(entry)} is refused: bayesunmix has "
                f"a {self.kind} of that name; the package must choose another name.",
                stacklevel=2,
            )
        self._installed = found
        return iter(sorted({*ours, *self._members, *found}))

    def __len__(self) -> int:
        return len({*self._file_names(), *self._members, *self.installed()})

    def __contains__(self, name: object) -> bool:
        return name in self._members or name in self._file_names() or name in self.installed()

    def installed(self) -> "dict[str, list[EntryPoint]]":
        """Find the entry points of each name that installed packages bring, without those that were refused.

        Metadata are read once; going through all names reads them again.
        """
        if self._installed is None:
            ours = self._file_names()
            self._installed = {n: entries for n, entries in installed(self.group).items() if n not in ours}
        return self._installed

    def summary(self, name: str) -> str:
        """Return the first line of what a member's file says of it, or the sentence why it cannot be used."""
        try:
            member = self[name]
        except BrokenPackage as error:
            return str(error)
        module = sys.modules.get(getattr(member, "__module__", ""))
        text = getattr(module, "__doc__", None) or member.__doc__ or ""
        return next(iter(text.strip().splitlines()), "")

    def name_of(self, member: Member) -> str | None:
        """Name of a member that is already loaded, or None."""
        return next((name for name, m in self._members.items() if m is member), None)

    def _load(self, name: str) -> None:
        """Load an entry point: a module that registers the name, or the member itself."""
        entries = self.installed()[name]
        found = load(entries, f"{self.kind} {name!r}")
        if name in self._members:
            return
        if isinstance(found, types.ModuleType) or not self._accepts(found):
            what = "does not register it" if isinstance(found, types.ModuleType) else f"is no {self.kind}"
            raise BrokenPackage(
                f"{self.kind} {name!r} of the package {package_of(entries[0])} cannot be used: its entry point "
                f"{entries[0].value} {what}; update or uninstall that package"
            )
        self.register(name)(found)

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

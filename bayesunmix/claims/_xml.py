"""Read XML without entities: these can grow without end, or name other files, and no vendor's program writes any."""

import re
from pathlib import Path
from xml.etree import ElementTree

from bayesunmix.io.reading_axes import Refused

_LARGEST_BYTES = 2**26
_FORBIDDEN = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def require_plain_xml(path: Path) -> bytes:
    """Return the content of an XML file.

    Raises
    ------
    Refused
        If it has a DOCTYPE or an ENTITY, is empty, or is larger than such a file can be.
    """
    size = path.stat().st_size
    if not 0 < size <= _LARGEST_BYTES:
        raise Refused(
            f"{path.name!r} has {size} bytes, and such a file has 1 to {_LARGEST_BYTES}; export it again"
        )
    content = path.read_bytes()
    if _FORBIDDEN.search(content.replace(b"\0", b"")):  # also in UTF-16
        raise Refused(
            f"{path.name!r} declares entities (DOCTYPE), which no microscope's program does: it is not read; export it "
            "again"
        )
    return content


def read_xml(path: Path) -> ElementTree.Element:
    """Return the root of an XML file, tags without namespaces.

    Raises
    ------
    Refused
        If it is no XML, or has a DOCTYPE or an ENTITY.
    """
    content = require_plain_xml(path)
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Refused(f"{path.name!r} is damaged or no XML ({error}); export it again") from None
    for node in root.iter():
        node.tag = str(node.tag).rpartition("}")[2]
    return root

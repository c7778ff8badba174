"""XML of a router, which may be anything: no document type, hence no entities; nothing deep, nothing large."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

XML_MAX_BYTES: Final = 256 * 1024
_DEPTH_MAX: Final = 32


class NotXml(ValueError):
    """Bytes that are not XML, or XML that is not read here."""


class _Reader:
    """Feeds expat's events to a tree, names without their namespaces: routers disagree about these."""

    def __init__(self) -> None:
        self.tree = TreeBuilder()
        self._depth = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            msg = "elements are nested too deep"
            raise NotXml(msg)
        self.tree.start(_local(name), {})

    def end(self, name: str) -> None:
        self._depth -= 1
        self.tree.end(_local(name))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _no_document_type(*_: object) -> None:
    msg = "a document type is not read"
    raise NotXml(msg)


def parse(document: bytes) -> Element:
    """Return the root element; tags are local names, attributes are dropped. Raises :class:`NotXml`."""
    if len(document) > XML_MAX_BYTES:
        msg = "the document is too long"
        raise NotXml(msg)
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartDoctypeDeclHandler = _no_document_type
    parser.EntityDeclHandler = _no_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.tree.data
    try:
        parser.Parse(document, True)  # noqa: FBT003 - takes no keyword
    except (expat.ExpatError, ValueError, LookupError) as error:  # ValueError, LookupError: an encoding
        raise NotXml(str(error)) from error
    return reader.tree.close()


def text(element: Element, path: str) -> str:
    """Return the text at ``path`` without spaces around it; "" where there is none."""
    return (element.findtext(path) or "").strip()

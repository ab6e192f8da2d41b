"""Texts with paths in braces, such as ``CW{id} {company.name}``; ``{{`` and ``}}`` are plain braces."""

import re
from typing import Final

from shared.mapping.paths import Getter, Path, compile_path, parse_path
from shared.mapping.values import as_text, is_empty

LONGEST_TEMPLATE: Final = 1000
_PIECE: Final = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<path>[^{}]*)\}|(?P<text>[^{}]+)")


def parse_template(text: str) -> tuple[str | Path, ...]:
    """Splits a template into plain texts and paths. Raises ``ValueError`` for a lonely brace or an unreadable path."""
    if len(text) > LONGEST_TEMPLATE:
        msg = f"a template has at most {LONGEST_TEMPLATE} characters"
        raise ValueError(msg)
    pieces: list[str | Path] = []
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if not found:
            msg = f"the template has a lonely brace at character {position + 1}"
            raise ValueError(msg)
        position = found.end()
        if found["path"] is not None:
            path = parse_path(found["path"].strip())
            if path.is_list:
                msg = f"the path '{path.text}' gives a list; a template needs single values"
                raise ValueError(msg)
            pieces.append(path)
        else:
            pieces.append(found["brace"][0] if found["brace"] else found["text"])
    if not any(isinstance(piece, Path) for piece in pieces):
        msg = "the template has no path in braces; use constant for a fixed text"
        raise ValueError(msg)
    return tuple(pieces)


def compile_template(text: str) -> Getter:
    """The function that fills a template in; None when every path in it is empty."""
    pieces = [compile_path(piece) if isinstance(piece, Path) else piece for piece in parse_template(text)]

    def fill(here: object, root: object) -> str | None:
        filled, found = [], False
        for piece in pieces:
            if isinstance(piece, str):
                filled.append(piece)
                continue
            value = piece(here, root)
            if not is_empty(value):
                filled.append(as_text(value))
                found = True
        return "".join(filled) if found else None

    return fill

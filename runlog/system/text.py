"""Foreign text, made safe to show."""

from __future__ import annotations

import re

# C0 (but newline and tab), DEL, C1, bidi controls, zero-width characters, line and paragraph separators,
# surrogates, the byte-order mark, fillers and tags: each can move a cursor, hide text or forge a line.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible(text: str) -> str:
    """Return `text` with every control, bidi and invisible character as a visible escape.

    Newline and tab stay. The result is safe to write to a terminal.
    """
    return _UNSAFE.sub(_escape, text)


def visible_line(text: str) -> str:
    """Like `visible`, with newline and tab escaped too: the result is one line."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")

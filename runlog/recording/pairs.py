"""`key=value` inside text: logfmt, headers, JSON, Python literals, query strings, command lines, XML.

A text is searched for fragments of secret keys, and only where one stands is the key read, and only behind a key that
names a secret is the value. Every step looks at a bounded number of characters or moves on over what it has looked at.
"""

from __future__ import annotations

import re
from typing import Literal

from runlog.recording.keys import KeyRules

_KEY_LENGTH = 64
_MARK = "[redacted:"

_KEY_REST = re.compile(rf"[\w.\-]{{0,{_KEY_LENGTH}}}")
_SEPARATOR = re.compile(
    r"""(?P<close>(?:\\{0,8}["'`]|\]|\)|%22|%27){0,3})
    (?: [ \t]{0,16} (?P<operator> => | := | ={1,3} | != | : | %3[dDaA] ) (?:[ \t]|%20){0,16}
      | (?P<tag>>)
      | (?P<comma>[ ]?,[ ]{0,4}) (?=[bBuU]?\\{0,8}["'])
      | (?P<space>[ \t]{1,8})
    )""",
    re.VERBOSE,
)
_QUOTE = re.compile(r"[bBuUrRfF]{0,2}(?P<escape>\\{0,8})(?P<quote>[\"'`]|%22|%27)")
# A quote before a letter is one within the value: what was quoted twice has lost track of its escapes.
_BODY = {quote: re.compile(rf"(?:[^{quote}\\]++|\\.|{quote}(?=\w))*+", re.DOTALL) for quote in "\"'`"}
_BRACKETS = re.compile(r"""[\[\]{}]|"(?:[^"\\]++|\\.)*+"?|'(?:[^'\\]++|\\.)*+'?""", re.DOTALL)
_SCHEME = re.compile(r"(?i:bearer|basic|digest|token|apikey|negotiate|aws4-hmac-sha256)[ \t]{1,4}(?=\S)")
_BARE = re.compile(
    r"""(?: [^\s"'`<>&;,)}\]\\]
          | \\(?![nrt"'`])
          | [,)}\]] (?! [\s,;)}\]"'`&<] | \Z | [ ]?[\w.\-]{1,64}[ ]?[=:] )
        )++""",
    re.VERBOSE,
)
# Cookies and the parameters of a digest have it; `cookies: none needed` has not.
_PARAMETER = re.compile(r"[^\r\n=]{0,256}+=")
_REST_OF_LINE = re.compile(r"(?:[^\r\n\\]++|\\(?![nr]))*+")
_TAG_TEXT = re.compile(r"[^<]*+")

# What stands for a value and is none. In lower case.
_NO_VALUE = frozenset(
    (
        "none", "null", "nil", "true", "false", "undefined", "nan", "required", "optional", "missing", "invalid",
        "expired", "empty", "unset", "unknown", "denied", "incorrect", "ok", "yes", "no", "not", "is", "str", "int",
        "bool", "bytes", "string", "float", "any", "object", "self", "default", "basic", "oauth", "oauth2", "digest",
        "kerberos", "enabled", "disabled", "hidden", "masked", "redacted", "filtered",
    )
)  # fmt: skip
_PLACEHOLDER = re.compile(
    r"%s|%\(\w{1,64}\)s|\$\d{1,3}|\$?\{\w{0,64}\}|\{\{ ?[\w.]{1,64} ?\}\}|\?|:[a-z_]{1,64}|[*•x.]{3,64}|\[[Ff]iltered\]"
)
_PROSE = re.compile(r"[A-Za-z]?[a-z]{0,15}[.,!]?")
_HUMAN_CHOSEN = ("pass", "pwd", "pin", "secret", "cred")  # people choose these as words: `password: swordfish`
_LINE_RULES = frozenset(("authorization", "cookie", "cookies", "set-cookie"))

Mode = Literal["text", "name", "code"]
_BARE_AFTER: dict[Mode, str] = {"text": "=:%", "name": "=%", "code": ""}


def redact_pairs(text: str, lowered: str, keys: KeyRules, mode: Mode = "text") -> str:
    """Return `text` with the values of secret keys replaced. `lowered` is the text in lower case, as long as it is.

    `mode` says what to make of values without quotes: in a `name` (of a span, of an attribute) `auth:refresh` is a
    name, and only `auth: refresh` a pair; in `code` the value must be a number or stand within quotes, because
    `password=password` is code.
    """
    hits = _hits(lowered, keys.fragments)
    if not hits:
        return text
    parts: list[str] = []
    done = 0  # up to here the text is decided; parts hold it
    read = 0  # up to here keys have been read
    for hit in hits:
        if hit < read:
            continue
        start = _key_start(text, hit, max(read, done))
        end = _KEY_REST.match(text, hit).end()  # type: ignore[union-attr]
        read = end
        rule = _rule(text, start, end, keys)
        if rule is None:
            continue
        span = _value(text, start, end, rule, mode)
        if span is None:
            continue
        parts += text[done : span[0]], f"{_MARK}{rule}]"
        done = read = span[1]
    if not parts:
        return text
    parts.append(text[done:])
    return "".join(parts)


def _hits(lowered: str, fragments: tuple[str, ...]) -> list[int]:
    hits: list[int] = []
    for fragment in fragments:
        if fragment in lowered:
            position = lowered.find(fragment)
            while position >= 0:
                hits.append(position)
                position = lowered.find(fragment, position + len(fragment))
    hits.sort()
    return hits


def _key_start(text: str, hit: int, floor: int) -> int:
    start = hit
    floor = max(floor, hit - _KEY_LENGTH)
    while start > floor and ((character := text[start - 1]).isalnum() or character in "_-."):
        start -= 1
    if start and text[start - 1] == "\\" and start < hit and text[start] in "nrt":
        start += 1  # the end of an escaped line break, not of the key
    return start


def _rule(text: str, start: int, end: int, keys: KeyRules) -> str | None:
    if text.startswith(_MARK, start - len(_MARK)) and start >= len(_MARK):
        return None
    return keys.rule(text[start:end])


def _value(text: str, start: int, end: int, rule: str, mode: Mode) -> tuple[int, int] | None:
    separator = _SEPARATOR.match(text, end)
    if separator is None:
        return None
    at = separator.end()
    operator = separator["operator"]
    if operator is None:
        return _loose_value(text, start, separator)
    if text.startswith(_MARK, at):
        return None
    quoted = _quoted(text, at)
    if quoted is not None:
        return quoted if _is_value(text[quoted[0] : quoted[1]], rule, prose=False) else None
    if operator[0] not in _BARE_AFTER[mode] and not _is_bare(text, start, at, mode):
        return None
    if rule in _LINE_RULES and operator == ":" and not separator["close"] and _PARAMETER.match(text, at):
        return at, _REST_OF_LINE.match(text, at).end()  # type: ignore[union-attr]
    if text[at : at + 1] in ("{", "[") and not _PLACEHOLDER.match(text, at):
        return at, _bracket_end(text, at)
    return _bare(text, at, rule, prose=operator == ":")


def _is_bare(text: str, start: int, at: int, mode: Mode) -> bool:
    """Whether what follows `key:` in a name, or `key=` in code, is a value all the same."""
    if mode == "name":
        return text[at - 1] in " \t"
    return text[at : at + 1].isdigit() or text.count('"', 0, start) % 2 == 1 or text.count("'", 0, start) % 2 == 1


def _bare(text: str, at: int, rule: str, *, prose: bool) -> tuple[int, int] | None:
    scheme = _SCHEME.match(text, at)
    match = _BARE.match(text, scheme.end() if scheme else at)
    if match is None:
        return None
    return (at, match.end()) if scheme or _is_value(match[0], rule, prose=prose) else None


def _loose_value(text: str, start: int, separator: re.Match[str]) -> tuple[int, int] | None:
    """A value without `=` or `:` before it: an XML element, a pair in a tuple, an option of a command."""
    at = separator.end()
    if separator["tag"]:
        if text[start - 1 : start] != "<" or separator["close"]:
            return None
        stop = _TAG_TEXT.match(text, at).end()  # type: ignore[union-attr]
        return (at, stop) if stop > at else None
    if separator["comma"]:
        quoted = _quoted(text, at)
        if not separator["close"] or quoted is None:
            return None
        behind = text[quoted[1] : quoted[1] + 10].lstrip("\\\"'`")
        return quoted if behind[:1] in ("", ")", "]") else None
    if text.startswith("--", start) and not separator["close"]:
        return _quoted(text, at) or (None if text.startswith("-", at) else _bare(text, at, "option", prose=False))
    return None


def _quoted(text: str, at: int) -> tuple[int, int] | None:
    """The span between the quotes that open at `at`; to the end of the text where none closes."""
    opening = _QUOTE.match(text, at)
    if opening is None:
        return None
    start, escape, quote = opening.end(), opening["escape"], opening["quote"]
    if not escape and quote in _BODY:
        return start, _BODY[quote].match(text, start).end()  # type: ignore[union-attr]
    closing = escape + quote
    stop = text.find(closing, start)
    while stop > start and escape and text[stop - 1] == "\\":
        stop = text.find(closing, stop + 1)
    return start, len(text) if stop < 0 else stop


def _bracket_end(text: str, at: int) -> int:
    """Where the bracket that opens at `at` closes; the end of the text where it does not."""
    depth = 0
    for match in _BRACKETS.finditer(text, at):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(text)


def _is_value(value: str, rule: str, *, prose: bool) -> bool:
    bare = value.rstrip(".,!")
    if not bare or bare.lower() in _NO_VALUE or value.startswith(_MARK) or _PLACEHOLDER.fullmatch(value):
        return False
    return not (prose and not rule.startswith(_HUMAN_CHOSEN) and _PROSE.fullmatch(value))

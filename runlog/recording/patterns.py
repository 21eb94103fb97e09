"""Forms that secrets have wherever they stand.

Each pattern takes time linear in the text. A pattern begins with a literal, so that the search for it is fast; what
must not stand before it is checked behind the literal. Its repetitions are of one set of characters, without a way
back, and a match that fails has looked at a bounded number of characters, or at a run that no later start looks at.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A form of secret. Its group `secret` is what is replaced, or all of it where it has no such group."""

    name: str
    needles: tuple[str, ...]
    """A text that has it has one of these, once in lower case."""
    regex: re.Pattern[str]
    gates: str = ""
    """A text that has it has one of these characters too: most texts lack it, and one look then spares many."""
    check: Callable[[str], bool] | None = None
    """Of what is replaced: whether it is a secret indeed."""

    def apply(self, text: str) -> str:
        mark = f"[redacted:{self.name}]"
        group = "secret" if "secret" in self.regex.groupindex else 0
        check = self.check

        def replace(match: re.Match[str]) -> str:
            secret = match[group]
            if not secret or (check is not None and not check(secret)):
                return match[0]
            whole, start = match[0], match.start()
            return f"{whole[: match.start(group) - start]}{mark}{whole[match.end(group) - start :]}"

        return self.regex.sub(replace, text)


def _token(name: str, prefix: str, rest: str, check: Callable[[str], bool] | None = None) -> Pattern:
    r"""A token by its prefix, which begins a word: after no letter or digit, but for those of `\n` and `%20`."""
    literal = re.escape(prefix)
    begins = rf"(?:(?<![A-Za-z0-9]{literal})|(?<=\\[nrt]{literal})|(?<=%[0-9A-Fa-f]{{2}}{literal}))"
    gate = next((character for character in "_-." if character in prefix), "")
    return Pattern(name, (prefix.lower(),), re.compile(literal + begins + rest), gate, check)


def has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _looks_random(text: str) -> bool:
    return has_digit(text) or len(text) >= 20 or not (text.islower() or text.istitle() or text.isupper())


def _is_basic(text: str) -> bool:
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return has_digit(text)


def _bearer(word: str) -> re.Pattern[str]:
    # Each letter in both cases, and not re.IGNORECASE, which would make the search slow.
    return re.compile(
        "".join(f"[{letter}{letter.upper()}]" for letter in word)
        + r"(?: |%20|\+)(?P<secret>[A-Za-z0-9._~+/-]{8,}+={0,2})(?![\w=])"
    )


_SCHEMES = tuple(
    Pattern(word, (word,), _bearer(word), check=_is_basic if word == "basic" else _looks_random)
    for word in ("bearer", "basic")
)

_WITH_SPACES = (
    Pattern("digest", ("digest ",), re.compile(r"[Dd]igest (?P<secret>[a-z]{1,16}=[^\r\n]+)"), "="),
    Pattern(
        "private-key",
        ("-----begin",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]++|-(?!----END))*+(?:-----END[A-Z0-9 ]{0,64}-----)?"
        ),
        "-",
    ),
    # The statement in SQLAlchemy's errors, where it has literals; its span has it without them.
    Pattern("sql", ("[sql: ",), re.compile(r"\[SQL: (?P<secret>[^'\[]{0,4000}'(?:[^\]]|\](?!\n|$))*+)"), "["),
    Pattern("sql-parameters", ("[parameters: ",), re.compile(r"\[parameters: (?P<secret>[^\n]++)"), "["),
    Pattern(
        "sql-literal",
        ("identified by", "password '", 'password "'),
        re.compile(
            r"(?:[Ii][Dd][Ee][Nn][Tt][Ii][Ff][Ii][Ee][Dd] [Bb][Yy]|[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]) "
            r"(?P<secret>'(?:[^']++|'')*+'?|\"[^\"]*+\"?)"
        ),
        "'\"",
    ),
)

_IN_URLS = (
    Pattern("userinfo", ("://",), re.compile(r"://(?P<secret>(?!(?:git|hg|svn)@)[^\s/?#\"'<>\\]*)@"), "@"),
    Pattern(
        "userinfo",
        ("://",),
        re.compile(r"://(?P<secret>[^\s/?#@:\"'<>]{0,64}:(?!\d{1,5}(?:/|\Z))[^\s@\"'<>]{1,256}+)@"),
        "@",
    ),
    Pattern(
        "dsn",
        ("@tcp(", "@unix("),
        re.compile(r"(?<![\w.:-])(?P<secret>[\w.-]{1,64}:[^\s:/@]{1,256}+)@(?:tcp|unix)\("),
        "@",
    ),
    Pattern("callback", ("/callback/",), re.compile(r"/callback/(?P<secret>[0-9a-z]{26}[\w-]{43})(?![\w-])"), "/"),
    Pattern("slack-webhook", ("hooks.slack",), re.compile(r"hooks\.slack(?:-gov)?\.com/(?P<secret>[\w/-]{8,})"), "/"),
    Pattern(
        "url-signature",
        ("sig", "credential=", "accesskeyid=", "accessid="),
        re.compile(r"(?:[Ss]ignature|(?<=[?&;])sig|Credential|AWSAccessKeyId|GoogleAccessId)=(?P<secret>[^\s&\"'<>#;,]+)"),
        "?&",
    ),
    Pattern(
        "oauth",
        ("code=", "state="),
        re.compile(r"[?&#](?:code|state)=(?P<secret>[^\s&\"'<>#]{16,})"),
        "?&#",
    ),
    Pattern(
        "reset-link",
        ("reset", "verify", "magic", "invit", "activat", "confirm"),
        re.compile(
            r"/(?:reset(?:[-_]?password)?|password[-_/]?reset|verify(?:[-_]?email)?|magic(?:[-_]?link)?|invite|invitation"
            r"|activate|activation|confirm)/(?P<secret>[A-Za-z0-9_.~%=-]{16,})"
        ),
        "/",
        has_digit,
    ),
)  # fmt: skip

_TOKENS = (
    _token("jwt", "eyJ", r"[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+){0,3}"),
    *(_token("aws-key", prefix, r"[A-Z0-9]{12,}") for prefix in ("AKIA", "ASIA")),
    Pattern("github-token", ("gh",), re.compile(r"gh[pousr]_[A-Za-z0-9_]{20,}"), "_"),
    _token("github-token", "github_pat_", r"[A-Za-z0-9_]{20,}"),
    _token("gitlab-token", "glpat-", r"[A-Za-z0-9_-]{16,}"),
    Pattern("slack-token", ("xox",), re.compile(r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}"), "-"),
    Pattern(
        "stripe-key",
        ("k_live_", "k_test_", "whsec_"),
        re.compile(r"(?:[srp]k_(?:live|test)|whsec)_[A-Za-z0-9+/=_]{10,}"),
        "_",
    ),
    _token("api-key", "sk-", r"[A-Za-z0-9_-]{20,}", has_digit),
    _token("google-key", "AIza", r"[A-Za-z0-9_-]{30,}"),
    _token("google-token", "ya29.", r"[A-Za-z0-9_-]{16,}"),
    _token("npm-token", "npm_", r"[A-Za-z0-9]{30,}"),
    _token("pypi-token", "pypi-", r"[A-Za-z0-9_-]{32,}", has_digit),
    _token("huggingface-token", "hf_", r"[A-Za-z0-9]{20,}"),
    _token("sendgrid-key", "SG.", r"[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"),
)

PATTERNS: tuple[Pattern, ...] = (*_WITH_SPACES, *_IN_URLS, *_TOKENS, *_SCHEMES)


def _by_gate() -> tuple[tuple[str, tuple[tuple[str, tuple[Pattern, ...]], ...]], ...]:
    table: dict[str, dict[str, tuple[Pattern, ...]]] = {}
    for pattern in PATTERNS:
        for gate in pattern.gates or ("",):
            needles = table.setdefault(gate, {})
            for needle in pattern.needles:
                needles[needle] = (*needles.get(needle, ()), pattern)
    return tuple((gate, tuple(needles.items())) for gate, needles in table.items())


_BY_GATE = _by_gate()


def redact_patterns(text: str, lowered: str) -> str:
    """Return `text` with every form of secret replaced. `lowered` is the text in lower case."""
    found: list[Pattern] = []
    for gate, needles in _BY_GATE:
        if gate in lowered:
            for needle, patterns in needles:
                if needle in lowered:
                    found += patterns
    for pattern in dict.fromkeys(found):
        text = pattern.apply(text)
    return text

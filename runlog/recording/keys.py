"""Which keys name a secret."""

from __future__ import annotations

import functools
import re

from runlog.errors import ConfigError

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_CACHE_SIZE = 8192
_CACHED_KEY = 128
_LONGEST_KEY = 1024
_UNKNOWN = object()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SINGLE = _words(
    "password passwords passwd pwd passphrase passcode passwort secret secrets credential credentials creds "
    "authorization cookie cookies token jwt bearer otp totp cvv cvc ssn csrf xsrf dsn keyfile mnemonic "
    "apikey apikeys apisecret apitoken accesskey accesstoken authtoken authkey secretkey privatekey clientsecret "
    "refreshtoken idtoken sessionid sessid phpsessid jsessionid sessiontoken csrftoken csrfmiddlewaretoken xsrftoken "
    "connectionstring databaseurl cardnumber creditcard dbpass userpass setcookie"
)
_KEY_OF = _words(
    "api access secret private signing signature encryption client app application master consumer shared account "
    "service deploy ssh hmac auth session functions"
)
_TOKENS_OF = _words("access refresh auth api bearer session id csrf secret")
_PASS_OF = _words(
    "db database user smtp mail email imap root admin mysql pg postgres redis ftp sftp ldap login proxy basic http "
    "rabbitmq mongo sudo ssh vault keystore"
)
_PAIRS = (
    "session id", "connection string", "conn string", "conn str", "database url", "database uri", "db url", "db uri",
    "card number", "credit card", "service account", "social security", "connect sid", "amz signature",
    "goog signature", "recovery code", "recovery codes", "backup codes", "verification code", "security code",
    "auth code", "authorization code", "seed phrase", "key file", "set cookie",
)  # fmt: skip

# These words name a secret only at the end of a key, or before one of the words beside them.
_LAST_ONLY: dict[str, frozenset[str]] = {
    "auth": _words("header headers string data value"),
    "pin": _words("code number value"),
    "pass": frozenset(),
}
# `gpio_pin` and `first_pass` are no secrets: these words stand alone, or after one of the words beside them.
_AFTER: dict[str, frozenset[str]] = {
    "pin": _words("card user atm security login sim account bank debit credit"),
    "pass": _PASS_OF,
}
# A key that ends so tells about a secret and does not hold it: token_count, password_changed_at, secret_name.
_ABOUT = _words(
    "count counts type types kind limit limits usage used length len size total budget rate cost price ratio "
    "expires expired expiry expiration ttl at in name names uri url endpoint valid validity validated status "
    "present scheme age policy required enabled disabled changed updated created rotated rotation reset version "
    "path file filename provider method methods strategy backend mode field fields format algorithm alg consent "
    "domain banner error errors failed failure failures attempt attempts retries latency duration ms seconds "
    "second timeout index position manager store service server strength class email"
)
# Tokens of language models, of pagination and of cancellation are no secrets.
_PLAIN_TOKENS = _words(
    "next page continuation cursor cancellation cancel stop pad eos bos unk sep cls mask max min num per first "
    "last total n prompt completion input output special fencing lease start end unexpected"
)
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "apikey", "secretkey", "privatekey", "accesstoken")

# Text that some part of every rule contains, for a cheap look before a text is searched for `key=value`.
FRAGMENTS = (
    "pass", "pwd", "secret", "cred", "auth", "cookie", "token", "jwt", "bearer", "otp", "cvv", "cvc", "ssn", "pin",
    "srf", "dsn", "key", "sess", "conn", "database", "db", "card", "account", "security", "signature", "code", "phrase",
    "mnemonic",
)  # fmt: skip


def split_words(key: str) -> tuple[str, ...]:
    """Split camelCase, kebab-case, snake_case and dotted names into lower-case words; digits separate.

    >>> split_words("X-Api-Key2.accessToken")
    ('x', 'api', 'key', 'access', 'token')
    """
    return tuple(word.lower() for word in _WORD.findall(key))


def _default_phrases() -> dict[str, list[tuple[str, ...]]]:
    phrases: list[tuple[str, ...]] = [tuple(pair.split()) for pair in _PAIRS]
    phrases += [(word, key) for word in _KEY_OF for key in ("key", "keys")]
    phrases += [(word, "tokens") for word in _TOKENS_OF]
    phrases += [(word,) for word in (*_SINGLE, *_LAST_ONLY)]
    return _by_first_word(phrases)


def _by_first_word(phrases: list[tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    table: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        table.setdefault(phrase[0], []).append(phrase)
    return table


_DEFAULT = _default_phrases()


class KeyRules:
    """The default rules for keys, and `extra` keys from the config, which match whole words in the same way.

    Raises ConfigError when an extra key has no letter in it.
    """

    __slots__ = ("_extra", "cache", "fragments", "plain")

    def __init__(self, extra: tuple[str, ...] = ()) -> None:
        phrases = []
        for key in extra:
            words = split_words(key)
            if not words:
                raise ConfigError(
                    f"scrub.keys: {key!r} names no key",
                    "a key is matched by its words, and this has no letters",
                    'write the words of the key: keys = ["internal_code"]',
                )
            phrases.append(words)
        self._extra = _by_first_word(phrases)
        self.fragments = FRAGMENTS + tuple({max(words, key=len) for words in phrases} - set(FRAGMENTS))
        self.cache: dict[str, str | None] = {}
        """Known answers; bounded."""
        self.plain: dict[str, None] = {}
        """The keys among them that name no secret: a set, which the caller's hot path reads without a call."""

    def rule(self, key: str) -> str | None:
        """Return the name of the rule by which `key` (exactly `str`) names a secret, or None."""
        cache = self.cache
        known = cache.get(key, _UNKNOWN)
        if known is not _UNKNOWN:
            return known  # type: ignore[return-value]
        rule = self._find(split_words(key[:_LONGEST_KEY]))
        if len(key) <= _CACHED_KEY:
            if len(cache) >= _CACHE_SIZE:
                cache.clear()
                self.plain.clear()
            cache[key] = rule
            if rule is None:
                self.plain[key] = None
        return rule

    def _find(self, words: tuple[str, ...]) -> str | None:
        for start, word in enumerate(words):
            for phrase in self._extra.get(word, ()):
                if words[start : start + len(phrase)] == phrase:
                    return "-".join(phrase)
            for phrase in _DEFAULT.get(word, ()):
                end = start + len(phrase)
                if words[start:end] == phrase and _holds_secret(words, start, end):
                    return "-".join(phrase)
            if word.endswith(_SECRET_ENDINGS) and _holds_secret(words, start, start + 1):
                return next(ending for ending in _SECRET_ENDINGS if word.endswith(ending))
        return None


def _holds_secret(words: tuple[str, ...], start: int, end: int) -> bool:
    last = words[end - 1]
    if end < len(words) and (words[-1] in _ABOUT or words[end] in ("expires", "expiry", "expiration", "ttl")):
        return False
    if end - start > 1:
        return True
    before = words[start - 1] if start else None
    if last == "token" and before in _PLAIN_TOKENS:
        return False
    if last in _LAST_ONLY and end < len(words) and words[end] not in _LAST_ONLY[last]:
        return False
    return last not in _AFTER or before is None or before in _AFTER[last]


@functools.lru_cache(maxsize=64)
def key_rules(extra: tuple[str, ...] = ()) -> KeyRules:
    """Return the rules with these extra keys; the same object for the same keys, so that its cache is shared."""
    return KeyRules(extra)

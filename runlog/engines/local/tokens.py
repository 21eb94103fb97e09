"""Tokens in the queue, and who waits for them. What writes runs inside a transaction of its caller."""

# ruff: noqa: S608 - the statements are put together from this module's own constants; values are bound

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runlog.engines.base import WAIT_PREFIX, Idempotency
from runlog.engines.local.queue import Queue
from runlog.engines.local.replies import Reply
from runlog.engines.local.rows import decode_tags, encode_tags
from runlog.errors import RunlogError, TokenNotFound
from runlog.tasks.states import Token

_COLUMNS = "token_id, status, created, expires, ended, output, run_id, tags"
_IS_ORPHAN = "NOT EXISTS (SELECT 1 FROM run WHERE run.run_id = token.run_id)"
_AT_ONCE = 500


def create(queue: Queue, new: Token, once: Idempotency | None, now: int) -> Token:
    """Keep a token; return the one that has its key, if there is one."""
    execute = queue.connection.execute
    if once is not None:
        row = execute(f"SELECT {_COLUMNS} FROM token WHERE key = ? AND key_expires > ?", (once.key, now)).fetchone()
        if row is not None:
            return _as_of(_token(row), now)
        execute("UPDATE token SET key = NULL WHERE key = ?", (once.key,))
    execute(
        "INSERT INTO token(token_id, status, created, expires, run_id, tags, key, key_expires) "
        "VALUES (?,'PENDING',?,?,?,?,?,?)",
        (
            new.token_id, new.created, new.expires, new.run_id, encode_tags(new.tags),
            once.key if once else None, once.expires if once else None,
        ),
    )  # fmt: skip
    return new


def complete(queue: Queue, token_id: str, output: bytes | None, now: int) -> bool:
    """Complete a token; False if it was ended already, or its time is over. Raises TokenNotFound."""
    (token,) = find(queue, [token_id], now)
    if token.status == "PENDING":
        _end(queue, f"'COMPLETED', ended = {now:d}, output = ?", "token_id = ?", (output, token_id))
        return True
    if token.status == "TIMED_OUT":
        _end(queue, "'TIMED_OUT', ended = expires", "token_id = ? AND status = 'PENDING'", (token_id,))
    return False


def expire(queue: Queue, now: int) -> None:
    """End the tokens whose time is over."""
    due = f"SELECT id FROM token WHERE status = 'PENDING' AND expires <= ? ORDER BY expires LIMIT {_AT_ONCE}"
    _end(queue, "'TIMED_OUT', ended = expires", f"id IN ({due})", (now,))


def _end(queue: Queue, changes: str, where: str, values: tuple[Any, ...]) -> None:
    query = f"UPDATE token SET status = {changes} WHERE {where} RETURNING {_COLUMNS}"
    queue.effects.tokens += [_token(row) for row in queue.connection.execute(query, values).fetchall()]


def find(queue: Queue, token_ids: Sequence[str], now: int) -> list[Token]:
    """These tokens, in this order. Raises TokenNotFound."""
    query = f"SELECT {_COLUMNS} FROM json_each(?) wanted JOIN token ON token_id = wanted.value"
    found = {row[0]: _token(row) for row in queue.connection.execute(query, (json.dumps(list(token_ids)),)).fetchall()}
    for token_id in token_ids:
        if token_id not in found:
            raise _not_found(token_id)
    return [_as_of(found[token_id], now) for token_id in token_ids]


def newest(queue: Queue, limit: int, now: int) -> list[Token]:
    """The newest tokens, without those that stand for the time of a wait."""
    query = f"SELECT {_COLUMNS} FROM token WHERE token_id NOT GLOB ? ORDER BY id DESC LIMIT ?"
    rows = queue.connection.execute(query, (f"{WAIT_PREFIX}*", limit)).fetchall()
    return [_as_of(_token(row), now) for row in rows]


def prune(queue: Queue, ended_before: int) -> int:
    """Forget tokens that ended before a time, those of a run only with it; up to some hundreds, return how many."""
    expire(queue, ended_before)
    rows = queue.connection.execute(
        "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE ended < ?1 AND "
        f"(run_id IS NULL OR {_IS_ORPHAN}) UNION ALL SELECT id FROM token "
        f"WHERE status = 'PENDING' AND created < ?1 AND run_id IS NOT NULL AND {_IS_ORPHAN} LIMIT ?2) RETURNING id",
        (ended_before, _AT_ONCE),
    ).fetchall()
    queue.effects.erased |= bool(rows)
    return len(rows)


def _token(row: tuple[Any, ...]) -> Token:
    token_id, status, created, expires, ended, output, run_id, tags = row
    return Token(token_id, status, created, expires, ended, output, run_id, decode_tags(tags))


def _as_of(token: Token, now: int) -> Token:
    """The token as it is now, though nobody has written yet that its time is over."""
    if token.status != "PENDING" or token.expires is None or token.expires > now:
        return token
    return Token(
        token.token_id, "TIMED_OUT", token.created, token.expires, token.expires, None, token.run_id, token.tags
    )


def _not_found(token_id: str) -> TokenNotFound:
    return TokenNotFound(f"there is no token {token_id!r} in the queue", fix="runlog tokens   # lists them")


@dataclass(slots=True, eq=False)
class TokenWait:
    """Somebody waits until this token has ended."""

    token_id: str
    reply: Reply[Token]
    expires: int | None = None


class TokenWaits:
    """Who waits for which tokens. Used by the engine's thread only."""

    def __init__(self) -> None:
        self._by_token: dict[str, list[TokenWait]] = {}
        self._due: int | None = None  # not after the first of these tokens expires

    def __bool__(self) -> bool:
        return bool(self._by_token)

    def begin(self, wait: TokenWait, queue: Queue) -> None:
        """Answer at once, or remember the wait."""
        try:
            (token,) = find(queue, [wait.token_id], 0)
        except RunlogError as error:
            wait.reply.put_error(error)
            return
        if token.status != "PENDING":
            wait.reply.put(token)
            return
        self._by_token.setdefault(wait.token_id, []).append(wait)
        wait.expires = token.expires
        if token.expires is not None:
            self._due = token.expires if self._due is None else min(self._due, token.expires)

    def is_due(self, now: int) -> bool:
        """Whether there is something for `expire` to do for them. It is said once: have it done."""
        if self._due is None or self._due > now:
            return False
        times = [wait.expires for waits in self._by_token.values() for wait in waits if wait.expires is not None]
        self._due = min((time for time in times if time > now), default=None)
        return any(time <= now for time in times)

    def settle(self, tokens: Iterable[Token]) -> list[Reply[Any]]:
        """These tokens have ended: return the replies of those who waited."""
        return [
            wait.reply for token in tokens for wait in self._by_token.pop(token.token_id, ()) if wait.reply.put(token)
        ]

    def look(self, queue: Queue) -> list[Reply[Any]]:
        """Find what ended in other processes, or is no longer there; return the replies of those who waited."""
        if not self._by_token:
            return []
        query = f"SELECT {_COLUMNS} FROM json_each(?) wanted JOIN token ON token_id = wanted.value"
        rows = queue.connection.execute(query, (json.dumps(list(self._by_token)),)).fetchall()
        known = {row[0]: _token(row) for row in rows}
        gone = [token_id for token_id in self._by_token if token_id not in known]
        return self.settle(token for token in known.values() if token.status != "PENDING") + self._lose(gone)

    def lose(self) -> list[Reply[Any]]:
        """The queue was deleted: return the replies of all who wait."""
        return self._lose(list(self._by_token))

    def _lose(self, token_ids: Iterable[str]) -> list[Reply[Any]]:
        return [
            wait.reply
            for token_id in token_ids
            for wait in self._by_token.pop(token_id)
            if wait.reply.put_error(_not_found(token_id))
        ]

    def drop_abandoned(self) -> None:
        for token_id, waits in list(self._by_token.items()):
            waits[:] = [wait for wait in waits if not wait.reply.is_settled]
            if not waits:
                del self._by_token[token_id]

    def refuse(self, error: BaseException) -> list[Reply[Any]]:
        replies = [wait.reply for waits in self._by_token.values() for wait in waits]
        self._by_token.clear()
        return [reply for reply in replies if reply.put_error(error)]

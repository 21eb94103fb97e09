"""Hypothesis strategies for queries and records, small enough that they often meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from runlog.stores.base import DEBUG, ERROR, INFO, WARN, Event, Run
from runlog.stores.query import RUN_STATUSES, SPAN_STATUSES, And, Node, Not, Or, Phrase, Term, Word

SECOND = 1_000_000_000
BASE = 1_790_000_000 * SECOND

WORDS = ("timeout", "Zeit", "zeit", "café", "connection", "con", "reset", "42", "ok")
KEYS = ("user.id", "amount", "ok", "tags", "odd key", "when", "took", "name")
OPTION_KEYS = ("run.version", "run.batch", "run.key", "run.concurrency_key", "run.schedule", "run.replay_of")
TEXTS = ("u_5", "u_55", "U_5", "5", "5.0", "", "a b", 'say "hi"', "ünï*", "true", "2s", "2026-01-01T00:00:00Z", "x=y")

messages = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join) | st.sampled_from(["a-b_c", "…", "con/nection"])
numbers = st.sampled_from([0, 1, 5, 5.0, 99.5, -3, 2**53 + 1, 1e300, 120])
scalars: st.SearchStrategy[Any] = st.sampled_from(TEXTS) | numbers | st.booleans() | st.none()
attributes = st.dictionaries(st.sampled_from(KEYS), scalars | st.lists(scalars, max_size=3), max_size=4)
times = st.integers(-3, 3).map(lambda seconds: BASE + seconds * SECOND)
option_texts = st.sampled_from(["vip", "default", "run_a"])
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "batch_id": option_texts,
    "idempotency_key": option_texts,
    "concurrency_key": option_texts,
    "schedule_id": option_texts,
    "replay_of": option_texts,
    "priority": st.sampled_from([0.5, 1, 10.0, -3]),
}
ids = st.sampled_from([bytes([number]) * 8 for number in (1, 2, 0xAB)])


def literal_words() -> st.SearchStrategy[Node]:
    word = st.sampled_from(WORDS)
    return (
        st.builds(Word, word, st.booleans())
        | st.builds(Phrase, st.lists(word, min_size=1, max_size=3).map(" ".join))
        | st.builds(Word, word.map(lambda text: text[:3]), prefix=st.just(value=True))
    )


def attribute_terms() -> st.SearchStrategy[Node]:
    key = st.sampled_from([*(key for key in KEYS if key != "name"), "attr.name", "absent"])
    equal = st.builds(
        Term, key, st.just("="), st.sampled_from(TEXTS) | st.sampled_from(["5.00", "99.5", "null", "1e300"])
    )
    prefix = st.builds(Term, key, st.just("prefix"), st.sampled_from(["u_", "u_5", "5", "", "a b", "tr"]))
    exists = st.builds(Term, key, st.just("exists"))
    amounts = st.sampled_from(["5", "99.5", "-3", "2s", "150ms", "2026-01-01", "1e300"])
    return equal | prefix | exists | st.builds(Term, key, st.sampled_from(["<", "<=", ">", ">="]), amounts)


def field_terms() -> st.SearchStrategy[Node]:
    order = st.sampled_from(["<", "<=", ">", ">="])
    any_order = st.sampled_from(["=", "<", "<=", ">", ">="])
    moment = times.map(lambda time: f"2026-09-21T{(time // SECOND) % 24:02}:13:20Z") | st.just("2026-09-21")
    text_keys = st.sampled_from(
        ["task", "queue", "tag", "run", "name", "run.error", "run.reason", "run.worker", *OPTION_KEYS]
    )
    texts = st.sampled_from(["send-email", "send", "sync", "default", "vip", "run_a", "logger", "ValueError", "fetch"])
    return st.one_of(
        st.builds(Term, st.just("level"), any_order, st.sampled_from(["debug", "info", "WARN", "error", "warning"])),
        st.builds(Term, st.just("status"), st.just("="), st.sampled_from(["failed", "COMPLETED", "Executing"])),
        st.builds(Term, st.just("span.status"), st.just("="), st.sampled_from(SPAN_STATUSES)),
        st.builds(Term, st.just("kind"), st.just("="), st.sampled_from(["log", "span"])),
        st.builds(Term, text_keys, st.sampled_from(["=", "prefix"]), texts),
        st.builds(Term, text_keys, st.just("exists")),
        st.builds(Term, st.sampled_from(["dur", "run.dur"]), any_order, st.sampled_from(["0", "1s", "2s", "1500ms"])),
        st.builds(Term, st.sampled_from(["time", "run.created", "run.started", "run.ended"]), order, moment),
        st.builds(
            Term,
            st.sampled_from(["run.errors", "run.attempt", "run.priority"]),
            any_order,
            st.sampled_from(["0", "1", "1.5"]),
        ),
        st.builds(Term, st.sampled_from(["span", "parent", "trace"]), st.just("="), ids.map(bytes.hex)),
        st.builds(Term, st.just("span"), st.just("prefix"), st.sampled_from(["01", "AB", ""])),
        st.builds(Term, st.sampled_from(["span", "parent", "dur", "run.ended", "run.worker"]), st.just("exists")),
    )


def nodes() -> st.SearchStrategy[Node]:
    """Trees as the parser makes them; `parse(str(node)).node` is the same tree."""

    def inside(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        several = st.lists(children, min_size=2, max_size=3).map(tuple)
        return st.builds(Not, children) | st.builds(And, several) | st.builds(Or, several)

    return st.recursive(literal_words() | attribute_terms() | field_terms(), inside, max_leaves=6)


def events(run_id: str | None) -> st.SearchStrategy[Event]:
    """Logs and ended spans of one run. `sequence` is left 0."""
    log = st.builds(
        Event,
        sequence=st.just(0),
        kind=st.just("log"),
        run_id=st.just(run_id),
        trace_id=st.just(b"\xab" * 16),
        span_id=st.none(),
        parent_id=st.none() | ids,
        time=times,
        duration=st.none(),
        level=st.sampled_from([DEBUG, INFO, WARN, ERROR]),
        status=st.none(),
        name=st.sampled_from(["logger", "stdout"]),
        message=messages,
        attributes=attributes,
    )
    span = st.builds(
        Event,
        sequence=st.just(0),
        kind=st.just("span"),
        run_id=st.just(run_id),
        trace_id=st.just(b"\xab" * 16),
        span_id=ids,
        parent_id=st.none() | ids,
        time=times,
        duration=st.sampled_from([0, SECOND, 1_500_000_000, 2 * SECOND]),
        level=st.sampled_from([INFO, WARN, ERROR]),
        status=st.sampled_from(SPAN_STATUSES),
        name=messages.filter(bool) | st.just("fetch"),
        message=st.just(""),
        attributes=attributes,
    )
    return log | span


def runs(run_id: str) -> st.SearchStrategy[Run]:
    """Runs as a store gives them back, but for the counters."""
    return st.builds(
        Run,
        run_id=st.just(run_id),
        version=st.just(1),
        task=st.sampled_from(["send-email", "sync"]),
        status=st.sampled_from(RUN_STATUSES),
        queue=st.sampled_from(["default", "mail"]),
        created=times,
        changed=times,
        attempt=st.integers(0, 2),
        trace_id=st.just(b"\xab" * 16),
        span_id=st.just(b"\xff" * 8),
        worker=st.none() | st.just("run_a"),
        started=st.none() | times,
        ended=st.none() | times,
        tags=st.lists(st.sampled_from(["vip", "default"]), max_size=2, unique=True).map(tuple),
        reason=st.none() | st.just("sync"),
        error=st.none() | st.just({"type": "ValueError", "message": "no"}),
        options=st.none() | st.fixed_dictionaries({}, optional=OPTIONS),
        code_version=st.none() | st.just("sync"),
    )

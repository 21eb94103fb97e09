"""Whatever the query and the records, the store finds what the plain evaluation says."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from runlog.stores.base import DEBUG, ERROR, INFO, LEVEL_NAMES, WARN, Batch, Event, Run
from runlog.stores.evaluate import field_value, matches, run_matches
from runlog.stores.lists import FACETS, Counted, FacetCounts
from runlog.stores.query import (
    RUN_STATUSES,
    SPAN_STATUSES,
    And,
    Node,
    Not,
    Op,
    Or,
    Phrase,
    Query,
    Term,
    Word,
    attribute_text,
    field_of,
    is_run_field,
)
from runlog.stores.sqlite import (
    SQLiteStore,
    compiler,
    event_counts,
    event_finder,
    facets,
    leads,
    run_list,
    run_plan,
    run_walk,
    search,
)
from tests.helpers import times
from tests.stores.query_strategies import BASE, KEYS, SECOND, TEXTS, WORDS, events, nodes, runs
from tests.stores.sqlite.records import MINUTE

RUN_IDS = ("run_a", "run_b", "run_c")
OTHER_RUNS = tuple(f"run_{letter}" for letter in "defghijkl")
ORDER: tuple[Op, ...] = ("<", "<=", ">", ">=")


@pytest.fixture(params=["indexes lead", "indexes never lead"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    """A store that takes all it can from its indexes, and one that reads the events: both must agree."""
    if request.param == "indexes never lead":
        monkeypatch.setattr(compiler, "_MOST_DOCUMENTS", 0)
        monkeypatch.setattr(compiler, "_MOST_TERMS", 0)
        monkeypatch.setattr(search, "_FEW_EVENTS", 0)
        monkeypatch.setattr(search, "_MOST_RUNS", 0)
        monkeypatch.setattr(search, "_FIRST_SLICE", 64)
        monkeypatch.setattr(search, "_FAST", 0)
        monkeypatch.setattr(leads, "FEW", 0)
        monkeypatch.setattr(run_plan, "_FEW_RUNS", 0)
        monkeypatch.setattr(run_plan, "_FIRST_SLICE", 1)
        monkeypatch.setattr(run_plan, "_SLICE_TIME", 0)
        monkeypatch.setattr(event_finder, "_WIDEST", 0)
        monkeypatch.setattr(run_list, "_MOST_EVENTS", 0)
        monkeypatch.setattr(run_list, "_A_LOOK", 1)
        monkeypatch.setattr(run_walk, "_MOST_EVENTS", 0)
        monkeypatch.setattr(run_walk, "_A_LOOK", 1)
        monkeypatch.setattr(facets, "_FEW", 0)
        monkeypatch.setattr(event_counts, "_FIRST_SLICE", 64)
        monkeypatch.setattr(event_counts, "_SLICE_TIME", 0)
    opened = SQLiteStore(tmp_path / "log.db")
    yield opened
    opened.close()


class Expected:
    """All that a store holds, read back, and what should be found in it."""

    def __init__(self, store: SQLiteStore) -> None:
        self.checks = 0
        events = [*store.events(None), *(event for run_id in RUN_IDS for event in store.events(run_id))]
        self.events = sorted(events, key=lambda event: -event.id)
        self.listed = store.runs(limit=100).items
        self.known = {run_id: store.run(run_id) for run_id in {event.run_id for event in events} if run_id}
        self.of_run = {run_id: [event for event in events if event.run_id == run_id] for run_id in RUN_IDS}

    def check(self, store: SQLiteStore, node: Node) -> int:
        """Compare what is found with what matches; return how much that is."""
        query = Query(str(node), node)
        found = [e.id for e in self.events if matches(node, e, self.known[e.run_id] if e.run_id else None)]
        limit = max(2, len(found) * 2 // 3)  # so that there is a second page
        assert paged(lambda cursor: store.search(query, cursor=cursor, limit=limit, budget=60), "id") == found, str(
            node
        )
        expected = [run.run_id for run in self.listed if run_matches(query, run, self.of_run.get(run.run_id, []))]
        pages = paged(lambda cursor: store.runs(query, cursor=cursor, limit=2, budget=60), "run_id")
        assert pages == expected, str(node)
        self.checks += 1
        if self.checks % 4 == 0:
            self.check_counts(store, query, [run for run in self.listed if run.run_id in expected])
            self.check_levels(store, query, [event for event in self.events if event.id in found])
        return len(found) + len(expected)

    def check_counts(self, store: SQLiteStore, query: Query, runs: list[Run]) -> None:
        """What is counted is what a loop over all runs counts."""
        assert store.count_runs(query, budget=60) == Counted(len(runs), None), query.text
        start, width, bars = BASE - 2 * SECOND, SECOND // 2 + 1, 7
        bar = {run.run_id: (run.created - start) // width for run in runs}
        counted = Counter((bar[run.run_id], run.status) for run in runs if 0 <= bar[run.run_id] < bars)
        histogram = store.run_histogram(query, start, width, bars, budget=60)
        assert {
            ((bucket.time - start) // width, status): count
            for bucket in histogram.buckets
            for status, count in bucket.counts.items()
        } == counted, query.text
        assert (histogram.total, histogram.searched_to) == (counted.total(), None)
        for facet in store.run_facets(query, (*FACETS, "run.parent", "user.id", "amount"), most=5, budget=60):
            found = sorted(
                Counter(value for run in runs for value in self.values(facet.key, run)).items(),
                key=lambda item: (-item[1], item[0]),
            )
            assert facet == FacetCounts(facet.key, found[:5], len(found) > 5, len(runs), None), query.text

    def check_levels(self, store: SQLiteStore, query: Query, events: list[Event]) -> None:
        minute = BASE // MINUTE * MINUTE
        for start, width, bars in ((minute - 4 * MINUTE, 2 * MINUTE, 4), (BASE - 9 * SECOND, 3 * SECOND + 1, 6)):
            bar = {event.id: (event.time - start) // width for event in events}
            counted = Counter((bar[e.id], LEVEL_NAMES[e.level]) for e in events if 0 <= bar[e.id] < bars)
            histogram = store.event_histogram(query, start, width, bars, budget=60)
            assert {
                ((bucket.time - start) // width, level): count
                for bucket in histogram.buckets
                for level, count in bucket.counts.items()
            } == counted, query.text
            assert (histogram.total, histogram.searched_to) == (counted.total(), None)

    def values(self, key: str, run: Run) -> set[str]:
        """Those that a facet counts."""
        if is_run_field(key):
            value = field_value(run, field_of(key).name)
            return set(value) if isinstance(value, tuple) else set() if value is None else {str(value)}
        found = [e.attributes[key] for e in self.of_run.get(run.run_id, []) if e.kind != "open" and key in e.attributes]
        return {attribute_text(item) for value in found for item in (value if isinstance(value, list) else [value])}

    def check_tail(self, store: SQLiteStore, node: Node) -> None:
        tail, _ = store.tail(Query(str(node), node), after=self.events[-1].id - 1 if self.events else 0)
        found = [e for e in self.events if matches(node, e, self.known[e.run_id] if e.run_id else None)]
        assert tail == found[::-1], str(node)


def paged(call: Callable[[str | None], Any], name: str) -> list[Any]:
    found, cursor = [], None
    while True:
        page = call(cursor)
        found += [getattr(item, name) for item in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


def fixed_log(random: Random) -> Batch:
    """Many small records, of three runs (one of them unknown to the log) and of none."""
    scalars: list[Any] = [*TEXTS, "x" * 119, "x" * 120, "x" * 130, 0, 1, 5, 5.0, 99.5, -3, 1e300, 2**53 + 1, True, None]
    made = []
    for number in range(250):
        span = random.random() < 0.5
        attributes: dict[str, Any] = {}
        for key in random.sample([*KEYS, 'k"\\=^%é\n', "K" * 300, "K" * 301], random.randrange(4)):
            several = random.random() < 0.2
            attributes[key] = random.choices(scalars, k=random.randrange(3)) if several else random.choice(scalars)
        text = random.choice(["a-b_c", "…", "con/nection", " ".join(random.choices(WORDS, k=random.randrange(4)))])
        made.append(
            Event(
                sequence=number,
                kind="span" if span else "log",
                run_id=random.choice((*RUN_IDS, None)),
                trace_id=b"\xab" * 16,
                span_id=bytes([random.randrange(3)]) * 8 if span else None,
                parent_id=random.choice((None, b"\xab" * 8)),
                time=BASE + random.randrange(-200, 200) * SECOND,
                duration=random.choice((0, SECOND, 2 * SECOND)) if span else None,
                level=random.choices((DEBUG, INFO, WARN, ERROR), (20, 60, 1, 1))[0],
                status=random.choice(SPAN_STATUSES) if span else None,
                name=(text or "fetch") if span else "logger",
                message="" if span else text,
                attributes=attributes,
            )
        )
    common: dict[str, Any] = {"version": 1, "queue": "default", "changed": BASE, "trace_id": b"\xab" * 16}
    failed = Run("run_a", task="send-email", status="FAILED", created=BASE, started=BASE, ended=BASE + SECOND, **common)
    failed.tags, failed.error = ("vip",), {"type": "ValueError", "message": "no"}
    others = [other_run(random, run_id) for run_id in OTHER_RUNS]
    known = Run("run_b", task="sync", status="EXECUTING", created=BASE + 1, **common)
    return Batch(events=made, runs=[failed, known, *others])


def other_run(random: Random, run_id: str) -> Run:
    """A run without events."""
    return Run(
        run_id,
        random.randrange(1, 4),
        random.choice(("send-email", "sync", "send")),
        random.choice(RUN_STATUSES),
        random.choice(("default", "mail")),
        BASE + random.randrange(-3, 3) * SECOND,
        BASE,
        parent_run_id=random.choice((None, "run_a")),
        root_run_id=random.choice((None, "run_a", run_id)),
        tags=tuple(random.sample(("vip", "v", "x"), random.randrange(3))),
        error=random.choice((None, {"type": "ValueError", "message": "no"}, {"type": "KeyError", "message": "no"})),
        options=random.choice((None, {}, {"batch_id": "vip"}, {"replay_of": "run_a", "priority": 1.5})),
        code_version=random.choice((None, "v", "vip")),
    )


def run_leaves() -> list[Node]:
    """Terms about what runs have indexes of, and several values of one."""
    texts = {
        "task": ("send", "sync", "send-email", ""),
        "queue": ("default", "mail", "mai"),
        "tag": ("vip", "v", "x", "y"),
        "run": ("run_a", "run_d", "run_", "run_z"),
        "run.parent": ("run_a", "run_b"),
        "run.root": ("run_a", "run_d"),
        "run.batch": ("vip", "x"),
        "run.replay_of": ("run_a", "vip"),
        "run.error": ("ValueError", "KeyError", "K"),
        "run.version": ("v", "vip", "x"),
    }
    made: list[Node] = [Term("status", "=", status) for status in RUN_STATUSES]
    for key, values in texts.items():
        equal = tuple(Term(key, "=", value) for value in values)
        made += [*equal, Or(equal[:2]), Or(equal), And(equal[:2]), Or((And(equal[:2]), equal[-1])), Term(key, "exists")]
        made += [Term(key, "prefix", value[:size]) for value in values for size in (1, 3)]
    made += [Or((made[3], made[6], Not(made[2]))), Or((made[0], made[12])), And((made[3], made[5]))]
    made += [Term("run.created", op, f"2026-09-21T14:13:{at}Z") for op in ORDER for at in ("18", "20", "20.5", "22")]
    made += [Term("run.errors", op, value) for op in (*ORDER, "=") for value in ("0", "0.5", "1", "2")]
    return made


def leaves() -> list[Node]:
    """Every kind of term, with every value that is of interest."""
    keys = [*(key for key in KEYS if key != "name"), "attr.name", "absent", 'k"\\=^%é\n', "K" * 300, "K" * 301]
    values = [*TEXTS, "5.00", "99.5", "null", "1e300", "x" * 119, "x" * 120, "x" * 130, "9007199254740993"]
    starts = ["u_", "u_5", "5", "", "a b", "tr", "x" * 119, "x" * 120, "x" * 121]
    texts: list[Op] = ["=", "prefix"]
    made: list[Node] = [Term(key, "=", value) for key, value in itertools.product(keys, values)]
    made += [Term(key, "prefix", value) for key, value in itertools.product(keys, starts)]
    made += [Term(key, "exists") for key in (*keys, "span", "parent", "dur", "run.ended", "tag", "kind", "run.error")]
    amounts = ["5", "99.5", "-3", "2s", "150ms", "2026-01-01", "1e300", str(10**400)[:300]]
    made += [Term(key, op, value) for key, op, value in itertools.product(keys, ORDER, amounts)]
    made += [Word(word[:size], prefix) for word in WORDS for size in (1, 3, 20) for prefix in (False, True)]
    made += [Phrase(f"{one} {two}") for one in WORDS for two in WORDS] + [Word("con-re", prefix=True)]
    named = ["send-email", "send", "sync", "vip", "v", "run_a", "logger", "ValueError", "fetch", "", "a-b_c"]
    made += [
        Term(key, op, value)
        for key, op, value in itertools.product(("task", "tag", "run", "name", "message", "run.error"), texts, named)
    ]
    levels = [("level", level) for level in ("debug", "info", "warn", "error")]
    numbers = [("run.errors", "0"), ("run.logs", "10.5"), ("dur", "1s"), ("run.dur", "0"), ("run.spans", "9" * 30)]
    any_order: tuple[Op, ...] = (*ORDER, "=")
    made += [Term(key, op, value) for (key, value), op in itertools.product([*levels, *numbers], any_order)]
    moments = ["2026-09-21", "2026-09-21T14:13:20Z", "2026-09-21T14:15:00Z", "1000-01-01", "2200-12-31"]
    made += [Term(key, op, at) for key, op, at in itertools.product(("time", "run.ended"), ORDER, moments)]
    made += [Term("kind", "=", kind) for kind in ("log", "span")]
    made += [Term("status", "=", status) for status in ("failed", "EXECUTING", "queued")]
    made += [Term("span.status", "=", status) for status in SPAN_STATUSES]
    made += [Term(key, op, hexa) for key in ("span", "trace") for op in texts for hexa in ("", "ab", "AB" * 8, "abc")]
    return made


def tree(random: Random, of: list[Node], depth: int = 3) -> Node:
    kind = random.choice(["leaf", "not", "and", "and", "or"]) if depth else "leaf"
    if kind == "leaf":
        return random.choice(of)
    if kind == "not":
        return Not(tree(random, of, depth - 1))
    children = tuple(tree(random, of, depth - 1) for _ in range(random.randint(2, 3)))
    return And(children) if kind == "and" else Or(children)


def test_every_kind_of_term_and_its_negation(store: SQLiteStore) -> None:
    store.write(fixed_log(Random(1)))
    expected = Expected(store)
    found = sum(bool(expected.check(store, node)) for node in leaves())
    assert found > 300
    for node in Random(1).sample(leaves(), 150):
        expected.check(store, Not(node))


def test_levels_over_time_are_what_the_minutes_tally_and_the_events_say(store: SQLiteStore) -> None:
    store.write(fixed_log(Random(3)))
    expected = Expected(store)
    about = [Term("kind", "=", "log"), Term("kind", "=", "span"), Term("task", "=", "sync"), Term("task", "=", "no")]
    about += [Term("level", op, level) for op in (*ORDER, "=") for level in ("info", "warn")]
    at = ["2026-09-21T14:11:59.5Z", "2026-09-21T14:13:00Z", "2026-09-21T14:13:20Z", "2026-09-21T14:14:00.000000001Z"]
    about += [Term("time", op, moment) for op in ORDER for moment in at]
    for number in range(1, 5):
        for several in Random(number).choices(list(itertools.combinations(about, number)), k=40):
            node = several[0] if number == 1 else And(several)
            found = [e for e in expected.events if matches(node, e, expected.known[e.run_id] if e.run_id else None)]
            expected.check_levels(store, Query(str(node), node), found)


def test_random_trees(store: SQLiteStore) -> None:
    random = Random(7)
    store.write(fixed_log(random))
    expected, of = Expected(store), leaves()
    for _ in range(times(150, 250)):
        expected.check(store, tree(random, of))
    about_runs = run_leaves()
    for node in about_runs:
        expected.check(store, node)
        expected.check(store, Not(node))
    for _ in range(times(150, 250)):
        expected.check(store, tree(random, random.choice((about_runs, of + about_runs))))


Log = tuple[list[Run], list[Event]]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    made = [draw(runs(run_id)) for run_id in RUN_IDS]
    names: list[str | None] = [*RUN_IDS, None]
    stored = draw(st.lists(st.sampled_from(names).flatmap(events), max_size=10))
    return made[: draw(st.integers(2, 3))], stored


def empty(store: SQLiteStore) -> None:
    """Delete everything, by ending every run."""
    found = store.runs(limit=100).items
    for run in found:
        run.version, run.status = run.version + 1, "FAILED"
    store.write(Batch(runs=found))
    store.prune(older_than=2**62)


@settings(max_examples=times(15, 25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=logs(), several=st.lists(nodes(), min_size=1, max_size=6))
def test_what_is_found_is_what_matches(store: SQLiteStore, log: Log, several: list[Node]) -> None:
    empty(store)
    stored_runs, stored_events = log
    store.write(Batch(events=stored_events[: len(stored_events) // 2], runs=stored_runs))
    store.write(Batch(events=stored_events[len(stored_events) // 2 :]))
    expected = Expected(store)
    assert [event.id for event in expected.events] == [event.id for event in reversed(stored_events)]
    assert {run.run_id for run in expected.listed} == {run.run_id for run in stored_runs}
    for node in several:
        note(f"query: {node}")
        expected.check(store, node)
        expected.check_tail(store, node)

# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Lists of runs: newest first, slice by slice of time, within a time budget."""

from __future__ import annotations

import time as clock

import apsw

from runlog.stores.base import Page, Run
from runlog.stores.query import Query
from runlog.stores.sqlite.rows import SELECT_RUN, fetch, run_of
from runlog.stores.sqlite.run_plan import RunPlan, plan_runs
from runlog.stores.sqlite.search import parse_cursor

_MOST_EVENTS = 20_000  # looked at for a page
_A_LOOK = 64  # runs in which events are looked for before the next are read

_AFTER_ALL = 2**63 - 1
"""No run has a higher number: a cursor with it goes on with all runs that were created at its time."""

_ORDER = "ORDER BY r.created DESC, r.id DESC"


def list_runs(
    connection: apsw.Connection, query: Query | None, cursor: str | None, limit: int, budget: float
) -> Page[Run]:
    """See Reader.runs."""
    deadline = clock.monotonic() + budget
    plan = plan_runs(connection, query.node if query else None, most_events=_MOST_EVENTS, deadline=deadline)
    if plan is None:
        return Page([], None)
    after = None
    if cursor is not None:
        created, number = parse_cursor(cursor, 2)
        after, plan.high = (created, number), min(plan.high, created + 1)
    lister = _Lister(plan, after)
    items: list[Run] = []
    for low, high in plan.slices():
        if lister.fill(items, limit, low, high, deadline):
            return Page(items, lister.cursor, lister.searched_to)
        if clock.monotonic() > deadline and low > plan.low and not plan.few:
            return Page(items, f"{low - 1}.{_AFTER_ALL}", low)
    return Page(items, None)


class _Lister:
    """Reads pages of a plan, from where the last one ended."""

    def __init__(self, plan: RunPlan, after: tuple[int, int] | None) -> None:
        self._plan, self._after = plan, after
        self.cursor: str | None = None
        self.searched_to: int | None = None

    def fill(self, items: list[Run], limit: int, low: int, high: int, deadline: float) -> bool:
        """Add the runs of a slice; True where the page ends with them."""
        finder = self._plan.finder
        while True:
            wanted = limit - len(items) if finder is None else _A_LOOK
            found = [run_of(row) for row in self._rows(low, high, wanted)]
            having = None if finder is None or not found else finder.having(found)
            for run in found:
                self._after, self.cursor = (run.created, run.id), f"{run.created}.{run.id}"
                if having is None or run.id in having:
                    items.append(run)
                    if len(items) >= limit:
                        return True
            if finder is not None and len(found) == wanted and clock.monotonic() > deadline:
                self.searched_to = found[-1].created
                return True
            if len(found) < wanted:
                return False

    def _rows(self, low: int, high: int, limit: int) -> list[tuple[object, ...]]:
        """The next runs. Their numbers are sorted first, and whole rows read of those only that are wanted."""
        plan, more = self._plan, []
        bindings = plan.bound(low, high, page=limit)
        if self._after is not None:
            more = ["(r.created, r.id) < (:after_created, :after_id)"]
            bindings |= {"after_created": self._after[0], "after_id": self._after[1]}
        # Rows are read faster in the order in which they are stored, where not every one is wanted.
        order = _ORDER if plan.natural else _ORDER.replace("r.created", "+r.created")
        numbers = plan.sql("r.id", *more, tail=f"{order} LIMIT :page")
        return fetch(plan.connection, f"SELECT {SELECT_RUN} FROM run r WHERE r.id IN ({numbers}) {_ORDER}", bindings)

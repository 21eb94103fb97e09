# ruff: noqa: S608 - the text put together here is all our own
"""The tables of the log's database, and how an older one becomes the newest.

Runs are rows that change; events are only ever added, with ids in the order of writing. Their tables are STRICT: what
is stored can be read, since a value of a wrong type is refused (and repaired, see `repair`). Both full-text indexes
have the event's id as rowid and keep no text of their own.

They are plain contentless tables: to delete, the old text is given back (events never change, so it is at hand).
`contentless_delete=1` needs no old text but was measured slower here, with SQLite 3.54: deleting the oldest 20 % of
200,000 events took 1.2 s against 0.17 s (worst transaction of 1,000: 260 ms against 17 ms), inserting 150,000 against
180,000 rows/s, and the file was 10 % larger.
"""

from __future__ import annotations

import apsw

from runlog.stores.base import TERMINAL_STATUSES
from runlog.stores.query import WORD_TOKENIZER
from runlog.stores.sqlite.tokens import RULE, SYMBOLS
from runlog.system.sqlite import Migration

APPLICATION_ID = 0x726C6F67  # "rlog"

LOG, OPEN, SPAN = 0, 1, 2
KINDS = {"log": LOG, "open": OPEN, "span": SPAN}
KIND_NAMES = ("log", "open", "span")

_TERMINAL = ", ".join(f"'{status}'" for status in sorted(TERMINAL_STATUSES))
HAS_ENDED = f"status IN ({_TERMINAL})"
ENDED_AT = "coalesce(ended, changed)"
HAS_STOPPED = "status IN ('error', 'canceled', 'unfinished')"
"""Of a span."""
IS_LISTED = "task <> ''"
"""Of a run whose own record has come: before, its version is 0 and its task unknown."""
ERROR_TYPE = "json_extract(error, '$.type')"
BATCH, REPLAY_OF = "json_extract(options, '$.batch_id')", "json_extract(options, '$.replay_of')"
MINUTE = 60_000_000_000
MINUTE_OF_TIME = f"(time - (time % {MINUTE} + {MINUTE}) % {MINUTE}) / {MINUTE}"
"""Rounded down, also before 1970."""

_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    task TEXT NOT NULL,
    status TEXT NOT NULL,
    queue TEXT NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    trace_id BLOB,
    span_id BLOB,
    parent_span_id BLOB,
    parent_run_id TEXT,
    root_run_id TEXT,
    worker TEXT,
    available INTEGER,
    started INTEGER,
    ended INTEGER,
    tags TEXT NOT NULL,
    reason TEXT,
    errors INTEGER NOT NULL DEFAULT 0,
    warnings INTEGER NOT NULL DEFAULT 0,
    spans INTEGER NOT NULL DEFAULT 0,
    logs INTEGER NOT NULL DEFAULT 0,
    error TEXT
) STRICT;
CREATE INDEX run_created ON run (created);
CREATE INDEX run_task ON run (task, created);
CREATE INDEX run_status ON run (status, created);
CREATE INDEX run_ended ON run ({ENDED_AT}) WHERE {HAS_ENDED};
CREATE INDEX run_unknown ON run (created) WHERE version = 0;
CREATE INDEX run_root ON run (root_run_id) WHERE root_run_id IS NOT NULL;

-- What is read with one run only, and large: apart, so that the rows of run stay small.
CREATE TABLE run_data (run INTEGER PRIMARY KEY, payload TEXT, output TEXT) STRICT;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    run INTEGER,
    kind INTEGER NOT NULL,
    trace_id BLOB,
    span_id BLOB,
    parent_id BLOB,
    sequence INTEGER NOT NULL,
    time INTEGER NOT NULL,
    duration INTEGER,
    level INTEGER NOT NULL,
    status TEXT,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    attributes TEXT NOT NULL,
    extra TEXT
) STRICT;
CREATE INDEX event_run ON event (run);
CREATE INDEX event_warn ON event (id) WHERE level >= 13;
CREATE INDEX event_error ON event (id) WHERE level >= 17;

CREATE VIRTUAL TABLE word USING fts5 (body, content='', columnsize=0, tokenize='{" ".join(WORD_TOKENIZER)}');
CREATE VIRTUAL TABLE word_terms USING fts5vocab (word, row);
CREATE VIRTUAL TABLE attr USING fts5 (
    pairs, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '{SYMBOLS}'"
);
CREATE VIRTUAL TABLE attr_terms USING fts5vocab (attr, row);

-- Logs and ended spans by minute: the histogram, and (lowest, highest) which ids a range of time can have.
CREATE TABLE tally (
    minute INTEGER, task TEXT, level INTEGER, count INTEGER NOT NULL, lowest INTEGER NOT NULL, highest INTEGER NOT NULL,
    PRIMARY KEY (minute, task, level)
) WITHOUT ROWID;

CREATE TABLE position (
    spool TEXT, segment INTEGER, offset INTEGER NOT NULL, PRIMARY KEY (spool, segment)
) WITHOUT ROWID;

CREATE TABLE open_span (
    span_id BLOB PRIMARY KEY, event INTEGER NOT NULL, run INTEGER, spool TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX open_span_spool ON open_span (spool);
CREATE INDEX open_span_run ON open_span (run);
"""


def create_tables(connection: apsw.Connection) -> None:
    """Make an empty log of schema 1."""
    connection.execute(_TABLES)
    values = [("token_rule", RULE), ("last_id", 0), ("pruned_runs", 0), ("pruned_events", 0)]
    connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", values)


_TRIGGERED = """
ALTER TABLE run ADD COLUMN cause TEXT;
ALTER TABLE run ADD COLUMN options TEXT;
ALTER TABLE run ADD COLUMN code_version TEXT;
ALTER TABLE run_data ADD COLUMN metadata TEXT;
"""

# What lists are made of. `change` grows with every change of a row of run, over all of them: who has seen one reads on
# from there. The indexes have only runs that are in lists, so that what is counted is read from them alone; and what is
# in their conditions never changes with a run's state, else they would be written with every state.
_LISTED = f"""
ALTER TABLE run ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
UPDATE run SET change = id;
INSERT INTO meta (key, value) SELECT 'last_change', coalesce(max(change), 0) FROM run;
CREATE INDEX run_change ON run (change);

DROP INDEX run_created;
DROP INDEX run_task;
DROP INDEX run_status;
CREATE INDEX run_created ON run (created) WHERE {IS_LISTED};
CREATE INDEX run_task ON run (task, created) WHERE {IS_LISTED};
CREATE INDEX run_status ON run (status, created) WHERE {IS_LISTED};
CREATE INDEX run_queue ON run (queue, created) WHERE {IS_LISTED};
CREATE INDEX run_code ON run (code_version, created) WHERE {IS_LISTED} AND code_version IS NOT NULL;
CREATE INDEX run_error ON run ({ERROR_TYPE}, created) WHERE {IS_LISTED} AND error IS NOT NULL;
CREATE INDEX run_failing ON run (created) WHERE {IS_LISTED} AND errors > 0;
CREATE INDEX run_parent ON run (parent_run_id, created) WHERE parent_run_id IS NOT NULL;
CREATE INDEX event_stopped ON event (run) WHERE {HAS_STOPPED};
CREATE INDEX run_batch ON run ({BATCH}) WHERE {BATCH} IS NOT NULL;
CREATE INDEX run_replay ON run ({REPLAY_OF}) WHERE {REPLAY_OF} IS NOT NULL;

CREATE TABLE run_tag (tag TEXT, created INTEGER, run INTEGER, PRIMARY KEY (tag, created, run)) WITHOUT ROWID;
INSERT OR IGNORE INTO run_tag SELECT value, created, run.id FROM run, json_each(tags) WHERE tags <> '[]';

ALTER TABLE tally ADD COLUMN logs INTEGER NOT NULL DEFAULT 0;
UPDATE tally SET logs = found.logs FROM (
    SELECT {MINUTE_OF_TIME} AS minute, coalesce(r.task, '') AS task, level, count(*) AS logs
    FROM event e LEFT JOIN run r ON r.id = e.run WHERE kind = {LOG} GROUP BY 1, 2, 3
) AS found WHERE tally.minute = found.minute AND tally.task = found.task AND tally.level = found.level;
"""

MIGRATIONS: tuple[Migration, ...] = (create_tables, _TRIGGERED, _LISTED)
"""Number n brings schema n-1 to n. A shipped one never changes; a new rule for tokens needs one that refills attr."""


def create_newest(connection: apsw.Connection) -> None:
    """Make an empty log of the newest schema."""
    for migration in MIGRATIONS:
        if callable(migration):
            migration(connection)
        else:
            connection.execute(migration)

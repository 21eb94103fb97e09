"""The queue's database: what a run is (written once) and where it stands (written at every change)."""

from __future__ import annotations

from runlog.system.sqlite import Migration

APPLICATION_ID = 0x52_4C_51_31  # "RLQ1"

_TOKENS_AND_SCHEDULES = """
    CREATE TABLE token (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token_id TEXT NOT NULL UNIQUE,
        status TEXT NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER,
        ended INTEGER,
        output BLOB,
        run_id TEXT,
        tags TEXT,
        key TEXT UNIQUE,
        key_expires INTEGER
    ) STRICT;
    CREATE INDEX token_pending ON token(expires) WHERE status = 'PENDING';
    CREATE INDEX token_ended ON token(ended) WHERE ended IS NOT NULL;

    CREATE TABLE schedule (
        schedule_id TEXT PRIMARY KEY,
        task TEXT NOT NULL,
        cron TEXT NOT NULL,
        timezone TEXT NOT NULL,
        planned INTEGER NOT NULL,
        declared INTEGER NOT NULL,
        seen INTEGER NOT NULL,
        run_id TEXT,
        last INTEGER,
        paused INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    """

# The tables are made anew: what is read at each claim stands before what may be large, so that it is never reached
# through pages of payload, and outputs and metadata have tables of their own.
#
# `place` is about queues with a limit only (NULL for all others); see `admission`. `rank` is the order of claims.
_QUEUES_AND_KEYS = """
    CREATE TABLE run_2 (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        task TEXT NOT NULL,
        queue TEXT NOT NULL,
        created INTEGER NOT NULL,
        trace_id BLOB NOT NULL,
        span_id BLOB NOT NULL,
        parent_run_id TEXT,
        root_run_id TEXT,
        parent_span_id BLOB,
        waited INTEGER NOT NULL,
        links BLOB,
        priority INTEGER NOT NULL DEFAULT 0,
        idempotency_key TEXT,
        idempotency_expires INTEGER,
        debounce_key TEXT,
        options BLOB,
        scrubbed INTEGER NOT NULL DEFAULT 0,
        payload BLOB
    ) STRICT;
    INSERT INTO run_2(id, run_id, task, queue, created, trace_id, span_id, parent_run_id, root_run_id, parent_span_id,
            waited, links, payload)
        SELECT id, run_id, task, queue, created, trace_id, span_id, parent_run_id, root_run_id, parent_span_id,
            waited, links, payload FROM run;
    UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'run') WHERE name = 'run_2';

    CREATE TABLE state_2 (
        id INTEGER PRIMARY KEY,
        task TEXT NOT NULL,
        queue TEXT NOT NULL,
        queue_is_guess INTEGER NOT NULL DEFAULT 0,  -- nobody said it, and what the task declares was not known
        concurrency_key TEXT NOT NULL DEFAULT '',
        pin TEXT NOT NULL DEFAULT '',  -- the version of the code that was asked for
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        available INTEGER NOT NULL,
        rank INTEGER NOT NULL,  -- available, less the priority
        place INTEGER,
        resuming INTEGER,  -- since when it waits for a place to go on
        expires INTEGER,
        attempt INTEGER NOT NULL DEFAULT 0,
        crashes INTEGER NOT NULL DEFAULT 0,
        token INTEGER NOT NULL,  -- begins anywhere, so that no row of another file has the same by chance
        started INTEGER,
        ended INTEGER,
        worker TEXT,
        lease INTEGER,
        retry_from INTEGER,
        cancel TEXT,
        canceled_by TEXT,  -- the parent that did
        asked INTEGER NOT NULL DEFAULT 0,  -- how often the attempt's stacks were asked for
        code_version TEXT,
        reason TEXT,
        cause BLOB,
        tags TEXT,
        error BLOB
    ) STRICT;
    INSERT INTO state_2(id, task, queue, status, version, changed, available, rank, attempt, crashes, token, started,
            ended, worker, lease, retry_from, cancel, reason, tags, error)
        SELECT id, s.task, queue, status, version, changed, available, available, attempt, crashes, token, started,
            ended, worker, lease, retry_from, cancel, reason, tags, error FROM state s JOIN run USING (id);

    CREATE TABLE output (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
    INSERT INTO output SELECT id, output FROM state WHERE output IS NOT NULL;
    CREATE TABLE metadata (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

    DROP TABLE run;
    DROP TABLE state;
    DROP TABLE worker;
    ALTER TABLE run_2 RENAME TO run;
    ALTER TABLE state_2 RENAME TO state;

    CREATE INDEX run_child ON run(parent_run_id) WHERE waited = 1;
    CREATE INDEX state_ready ON state(task, queue, pin, rank) WHERE status = 'QUEUED' AND place IS NOT 1;
    CREATE INDEX state_place ON state(queue, concurrency_key, place, task, pin, rank) WHERE place IS NOT NULL;
    CREATE INDEX state_delayed ON state(available, queue) WHERE status = 'DELAYED';
    CREATE INDEX state_expires ON state(expires)
        WHERE expires IS NOT NULL AND started IS NULL AND status IN ('QUEUED', 'DELAYED', 'PENDING_VERSION');
    CREATE INDEX state_guessed ON state(task, rank)
        WHERE queue_is_guess = 1 AND started IS NULL AND status IN ('QUEUED', 'DELAYED', 'PENDING_VERSION');
    CREATE INDEX state_active ON state(worker, lease) WHERE status IN ('EXECUTING', 'WAITING');
    CREATE INDEX state_unknown ON state(task, pin, queue) WHERE status = 'PENDING_VERSION';
    CREATE INDEX state_changed ON state(changed);

    CREATE TABLE queue (
        name TEXT PRIMARY KEY,
        concurrency INTEGER,
        paused INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE task (task TEXT PRIMARY KEY, declared BLOB NOT NULL) STRICT;  -- JSON

    CREATE TABLE run_key (
        kind TEXT NOT NULL,  -- idempotency, debounce
        task TEXT NOT NULL,
        key TEXT NOT NULL,
        id INTEGER NOT NULL,  -- the run
        expires INTEGER,
        PRIMARY KEY (kind, task, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE worker (
        name TEXT PRIMARY KEY,
        started INTEGER NOT NULL,
        seen INTEGER NOT NULL,
        work TEXT NOT NULL  -- JSON
    ) STRICT;
    CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    """

# Payloads are apart from the state, which is rewritten at every change. `changed` is indexed for the log's healing and
# for pruning, `worker` and `task` only where a run is theirs to find: most rows are of ended runs.
MIGRATIONS: tuple[Migration, ...] = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        task TEXT NOT NULL,
        queue TEXT NOT NULL,
        created INTEGER NOT NULL,
        trace_id BLOB NOT NULL,
        span_id BLOB NOT NULL,
        parent_run_id TEXT,
        root_run_id TEXT,
        parent_span_id BLOB,
        waited INTEGER NOT NULL,
        links BLOB,
        tags TEXT,
        payload BLOB
    ) STRICT;
    CREATE INDEX run_child ON run(parent_run_id) WHERE waited = 1;

    CREATE TABLE state (
        id INTEGER PRIMARY KEY,
        task TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        available INTEGER NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        crashes INTEGER NOT NULL DEFAULT 0,
        token INTEGER NOT NULL,  -- begins anywhere, so that no row of another file has the same by chance
        started INTEGER,
        ended INTEGER,
        worker TEXT,
        lease INTEGER,
        retry_from INTEGER,
        cancel TEXT,
        reason TEXT,
        output BLOB,
        error BLOB
    ) STRICT;
    CREATE INDEX state_ready ON state(task, available) WHERE status IN ('QUEUED', 'DELAYED');
    CREATE INDEX state_active ON state(worker, lease) WHERE status IN ('EXECUTING', 'WAITING');
    CREATE INDEX state_unknown ON state(task) WHERE status = 'PENDING_VERSION';
    CREATE INDEX state_changed ON state(changed);

    CREATE TABLE worker (
        name TEXT PRIMARY KEY,
        started INTEGER NOT NULL,
        tasks TEXT NOT NULL
    ) STRICT;
    """,
    _QUEUES_AND_KEYS,
    _TOKENS_AND_SCHEDULES,
)

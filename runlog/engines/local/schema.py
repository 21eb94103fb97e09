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
    _TOKENS_AND_SCHEDULES,
)

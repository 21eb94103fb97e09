import type { RunRow, RunsPage } from "../../src/api/types";

export function row(run_id: string, more: Partial<RunRow> = {}): RunRow {
  return {
    run_id,
    version: 1,
    task: "sync-user",
    status: "QUEUED",
    queue: "default",
    created: 1_000,
    changed: 1_000,
    available: null,
    started: null,
    ended: null,
    queue_time: null,
    duration: null,
    attempt: 0,
    code_version: null,
    tags: [],
    errors: 0,
    warnings: 0,
    spans: 0,
    logs: 0,
    reason: null,
    cause: null,
    times: [],
    error: null,
    worker: null,
    parent_run_id: null,
    root_run_id: null,
    trace_id: null,
    span_id: null,
    parent_span_id: null,
    concurrency_key: null,
    replay_of: null,
    schedule_id: null,
    batch_id: null,
    columns: [],
    ...more,
  };
}

export function page(items: RunRow[], cursor: string | null = null): RunsPage {
  return { items, cursor, searched_to: null, position: "0.0" };
}

// A run and its events as the API answers them.
import type { EventDetail, RunDetail } from "../../src/api/types";
import { CREATED, runRow } from "./timeline/traces";

export function runDetail(changes: Partial<RunDetail> = {}): RunDetail {
  const run = changes.run ?? runRow();
  return {
    run,
    headline: [
      { text: "✓ ", style: "good" },
      { text: run.run_id, style: "source" },
      { text: " ", style: "" },
      { text: run.task, style: "task" },
      { text: " ", style: "" },
      { text: run.status, style: "good" },
      { text: " after 900 ms", style: "" },
    ],
    cause: null,
    times: [],
    exception: null,
    payload: { user_id: 1 },
    output: null,
    metadata: null,
    payload_size: 13,
    output_size: 0,
    metadata_size: 0,
    options: [],
    facts: [],
    parent: null,
    root: null,
    previous: null,
    next: null,
    replays: [],
    children: 0,
    payload_scrubbed: false,
    created_text: "2026-11-22T13:30:24.000000000Z",
    started_text: null,
    ended_text: null,
    position: "10.3",
    ...changes,
  };
}

export function eventDetail(changes: Partial<EventDetail> = {}): EventDetail {
  return {
    id: 7,
    kind: "log",
    run_id: "run_a",
    task: "import",
    time: CREATED + 250,
    time_text: "2026-11-22T13:30:24.250000000Z",
    end_text: null,
    duration: null,
    level: 9,
    status: null,
    status_message: "",
    name: "logger",
    message: "syncing user 7",
    template: null,
    attributes: [],
    terms: [],
    truncated: [],
    dropped: [],
    exception: null,
    events: [],
    links: [],
    icon: null,
    otel_kind: null,
    scope: null,
    result: null,
    trace_id: null,
    span_id: null,
    parent_id: null,
    triggered: [],
    triggered_total: 0,
    ...changes,
  };
}

const frame = (place: string, library: string | null, source: string) => ({
  file: `/srv/${place}`,
  place,
  line: 74,
  function: "charge_card",
  source,
  library,
});

/** What is raised when nothing listens. */
export const CONNECT_ERROR = {
  type: "ConnectError",
  module: "httpx",
  message: "All connection attempts failed",
  frames: [
    frame("tasks.py", null, "await client.post(url)"),
    frame("httpx/_client.py", "httpx", "return await self.request("),
    frame("httpx/_transports/default.py", "httpx", "raise mapped_exc(message) from exc"),
  ],
  cause: { type: "OSError", module: "builtins", message: "[Errno 111] refused", frames: [] },
};

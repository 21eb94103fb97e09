// Made by scripts/api-types from runlog/web/api/types. Do not edit.

export interface BulkRequest {
  run_ids?: string[] | null;
  query?: string | null;
  expected?: number | null;
  reason?: string | null;
  next?: string | null;
}

export interface BulkResult {
  matched: number;
  changed: number;
  run_ids: string[];
  refused: [string, string][];
  refused_total: number;
  left: number;
  next: string | null;
}

export interface CancelRequest {
  reason?: string | null;
}

export interface Canceled {
  canceled: boolean;
}

export interface Cause {
  run_id: string;
  event_id: number;
  span_id: string;
  name: string;
  path: string[];
}

export interface Comparison {
  count: number;
  slower_than: number | null;
  p50: number | null;
  p95: number | null;
  fastest: number | null;
  slowest: number | null;
  searched_to: number | null;
}

export interface Completion {
  text: string;
  label: string;
  detail: string;
}

export interface Completions {
  start: number;
  end: number;
  items: Completion[];
}

export interface Count {
  count: number;
  searched_to: number | null;
}

export interface ErrorDetail {
  group: ErrorGroup;
  exception: Record<string, unknown> | null;
  occurrences: Occurrence[];
  start: number;
  end: number;
  searched_to: number | null;
}

export interface ErrorGroup {
  fingerprint: string;
  type: string;
  message: string;
  kind: "log" | "run";
  count: number;
  runs: number;
  first: number;
  last: number;
  tasks: string[];
  spark: number[];
  newest: RunLink | null;
  newest_event: number | null;
}

export interface ErrorTitle {
  type: string;
  message: string;
}

export interface ErrorsPage {
  start: number;
  end: number;
  groups: ErrorGroup[];
  total: number;
  searched_to: number | null;
}

export interface EventDetail {
  id: number;
  kind: "log" | "open" | "span";
  run_id: string | null;
  task: string | null;
  time: number;
  time_text: string;
  end_text: string | null;
  duration: number | null;
  level: number;
  status: string | null;
  status_message: string;
  name: string;
  message: string;
  template: string | null;
  attributes: [string, unknown][];
  terms: (string | null)[];
  truncated: [string, number][];
  dropped: [string, number][];
  exception: Record<string, unknown> | null;
  events: SpanEvent[];
  links: SpanLink[];
  icon: string | null;
  otel_kind: string | null;
  scope: string | null;
  result: unknown;
  trace_id: string | null;
  span_id: string | null;
  parent_id: string | null;
  triggered: RunLink[];
  triggered_total: number;
}

export interface ExportedRun {
  version: string;
  project: string;
  exported: number;
  runs: ExportedTrace[];
  events: EventDetail[];
  notes: string[];
}

export interface ExportedTrace {
  detail: RunDetail;
  context: RunContext;
  pages: TracePage[];
}

export interface Facet {
  key: string;
  values: FacetValue[];
  more: boolean;
  counted: number;
  searched_to: number | null;
}

export interface FacetValue {
  value: string;
  count: number;
  term: string;
}

export interface Facets {
  facets: Facet[];
}

export interface LevelBucket {
  time: number;
  counts: Record<string, number>;
}

export interface LevelHistogram {
  start: number;
  end: number;
  width: number;
  buckets: LevelBucket[];
  total: number;
  searched_to: number | null;
  own: number;
}

export interface Log {
  id: number;
  kind: "log" | "open" | "span";
  time: number;
  time_text: string;
  level: number;
  name: string;
  message: string;
  cut: boolean;
  attributes: [string, unknown][];
  more_attributes: number;
  exception: ErrorTitle | null;
  run_id: string | null;
  task: string | null;
  span_id: string | null;
  parent_id: string | null;
  duration: number | null;
  status: string | null;
}

export interface LogsDelta {
  items: Log[];
}

export interface LogsPage {
  items: Log[];
  cursor: string | null;
  searched_to: number | null;
  position: string;
}

export interface Loss {
  what: string;
  count: number;
  detail: string;
}

export interface Matches {
  ids: string;
  cursor: string | null;
}

export interface Occurrence {
  time: number;
  run: RunLink | null;
  event_id: number | null;
  message: string;
}

export interface Piece {
  text: string;
  style: string;
}

export interface Plugin {
  name: string;
  state: string;
  version: string | null;
  library: string | null;
  library_version: string | null;
  reason: string | null;
  fix: string | null;
  options: [string, unknown][];
  spans: number | null;
  worker: string | null;
  recorded: number | null;
  source: string | null;
  distribution: string | null;
  targets: string[];
  notes: string[];
}

export interface PluginsAnswer {
  plugins: Plugin[];
  exporters: [string, unknown][][];
}

export interface Problem {
  code: string;
  what: string;
  why?: string;
  fix?: string;
  position?: number | null;
  count?: number | null;
}

export interface ProblemAnswer {
  error: Problem;
}

export interface QueryCheck {
  error: Problem | null;
  about_events: boolean;
}

export interface ReplayRequest {
  payload?: unknown;
}

export interface Replayed {
  run_id: string;
}

export interface RunContext {
  workers: Worker[];
  plugins: Plugin[];
  losses: Loss[];
  resource: [string, unknown][];
  queue: [string, unknown][];
  versions: [string, unknown][];
}

export interface RunDelta {
  run: RunRow;
  headline: Piece[];
}

export interface RunDetail {
  run: RunRow;
  headline: Piece[];
  cause: Cause | null;
  exception: Record<string, unknown> | null;
  payload: unknown;
  output: unknown;
  metadata: unknown;
  payload_size: number;
  output_size: number;
  metadata_size: number;
  options: [string, unknown][];
  facts: string[];
  times: [string, number][];
  parent: RunLink | null;
  root: RunLink | null;
  previous: RunLink | null;
  next: RunLink | null;
  replays: RunLink[];
  children: number;
  payload_scrubbed: boolean;
  created_text: string;
  started_text: string | null;
  ended_text: string | null;
  position: string;
}

export interface RunHistogram {
  start: number;
  end: number;
  width: number;
  buckets: StatusBucket[];
  total: number;
  searched_to: number | null;
}

export interface RunLink {
  run_id: string;
  task: string;
  status: "CANCELED" | "COMPLETED" | "CRASHED" | "DELAYED" | "EXECUTING" | "EXPIRED" | "FAILED" | "PENDING_VERSION" | "QUEUED" | "TIMED_OUT" | "WAITING";
}

export interface RunRow {
  run_id: string;
  version: number;
  task: string;
  status: "CANCELED" | "COMPLETED" | "CRASHED" | "DELAYED" | "EXECUTING" | "EXPIRED" | "FAILED" | "PENDING_VERSION" | "QUEUED" | "TIMED_OUT" | "WAITING";
  queue: string;
  created: number;
  changed: number;
  available: number | null;
  started: number | null;
  ended: number | null;
  queue_time: number | null;
  duration: number | null;
  attempt: number;
  code_version: string | null;
  tags: string[];
  errors: number;
  warnings: number;
  spans: number;
  logs: number;
  reason: string | null;
  cause: string | null;
  times: [string, number][];
  error: ErrorTitle | null;
  worker: string | null;
  parent_run_id: string | null;
  root_run_id: string | null;
  trace_id: string | null;
  span_id: string | null;
  parent_span_id: string | null;
  concurrency_key: string | null;
  replay_of: string | null;
  schedule_id: string | null;
  batch_id: string | null;
  columns: [string, unknown][];
}

export interface RunsDelta {
  rows: RunRow[];
  gone: string[];
}

export interface RunsPage {
  items: RunRow[];
  cursor: string | null;
  searched_to: number | null;
  position: string;
}

export interface Session {
  project: string;
  version: string;
  scope: "operate" | "view";
  can_operate: boolean;
  time: number;
  has_log: boolean;
}

export interface Skip {
  count: number;
}

export interface SpanEvent {
  name: string;
  time: number;
  time_text: string;
  attributes: [string, unknown][];
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  run_id: string | null;
  task: string | null;
  attributes: [string, unknown][];
}

export interface StatusBucket {
  time: number;
  counts: Record<string, number>;
}

export interface Tick {
  position: string;
}

export interface TracePage {
  run_id: string;
  origin: number;
  count: number;
  id: string;
  kind: string;
  level: string;
  status: string;
  flags: string;
  name: string;
  start: string;
  duration: string;
  span: string;
  parent: string;
  names: string[];
  messages: string[];
  accessories: [number, string][];
  children: RunRow[];
  children_total: number;
  cursor: number;
  more: boolean;
  remaining: number;
}

export interface Worker {
  id: string;
  pid: number | null;
  host: string | null;
  version: string | null;
  python: string | null;
  alive: boolean | null;
  attributes: [string, unknown][];
}

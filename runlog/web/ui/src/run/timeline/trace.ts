/** What is known of a run's trace: its rows and what can be asked about them. */

import { type Signal, signal } from "@preact/signals";
import type { RunRow, TracePage } from "../../api/types";
import { Columns, LOG, NONE, OPEN, RUN, SPAN } from "./columns";
import { Families } from "./families";
import { Names } from "./names";
import { hexOf, SpanMap, wordsOf } from "./spans";

/** One of the runs whose rows are here. */
export interface RunTrace {
  run: RunRow;
  /** The row that stands for it. */
  readonly at: number;
  state: "absent" | "loading" | "loaded" | "partial" | "failed";
  /** The `after` of its next page: the id up to which its events are here. */
  cursor: number;
  /** Of a run that is too large to be here whole: the ids of the events at its end that are, and their first moment. */
  tail: { from: number; to: number; since: number } | null;
  /** The events of logs that were read out of their turn. */
  readonly beside: Set<number>;
  /** By the row of a span that was read out of its turn: up to which event, or infinity where it is here whole. */
  readonly inside: Map<number, number>;
  /** Rows of its own that have come, and how many are still to come, about. */
  loaded: number;
  remaining: number;
  /** Runs that it triggered, here or not. */
  children: number;
  /** Live pages that came while it was being loaded. */
  readonly held: TracePage[];
}

export class Trace {
  readonly rows = new Columns();
  readonly families = new Families();
  /** By `rows.name`. */
  readonly names = new Names();
  /** By `rows.text` of a log. */
  readonly messages: string[] = [];
  /** What a row shows beside its name. */
  readonly accessories = new Map<number, string[]>();
  readonly traces: RunTrace[] = [];
  readonly version: Signal<number> = signal(0);
  /** The latest moment of any row, in nanoseconds after the origin. */
  latest = 0;

  protected readonly spans = new SpanMap();
  protected readonly traceIndex = new Map<string, number>();

  get count(): number {
    return this.rows.count;
  }

  /** The run that is shown. */
  get main(): RunTrace {
    return this.traces[0] as RunTrace;
  }

  /** Milliseconds since 1970 that all starts count from. */
  get origin(): number {
    return this.main.run.created;
  }

  get isLoading(): boolean {
    return this.traces.some((trace) => trace.state === "loading");
  }

  name(row: number): string {
    return this.names.texts[this.rows.name[row] as number] ?? "";
  }

  /** A log's message, as far as it is here; of a span what it shows beside its name. */
  message(row: number): string {
    if (this.rows.kind[row] === LOG) return this.messages[this.rows.text[row] as number] ?? "";
    return this.accessories.get(row)?.join(" · ") ?? "";
  }

  spanId(row: number): string {
    return hexOf(this.rows.spanHigh[row] as number, this.rows.spanLow[row] as number);
  }

  rowOfSpan(hex: string): number {
    return /^[0-9a-f]{16}$/.test(hex) ? Math.max(NONE, this.spans.get(...wordsOf(hex))) : NONE;
  }

  rowOfEvent(id: number): number {
    return id > 0 ? this.rows.id.subarray(0, this.rows.count).lastIndexOf(id) : NONE;
  }

  traceOf(runId: string): RunTrace | undefined {
    const index = this.traceIndex.get(runId);
    return index === undefined ? undefined : this.traces[index];
  }

  /** How many of the runs that a run triggered are here. */
  childrenOf(runId: string): number {
    return this.traces.reduce((sum, trace) => sum + (trace.run.parent_run_id === runId ? 1 : 0), 0);
  }

  /** The trace that a row of kind RUN stands for. */
  traceAt(row: number): RunTrace | undefined {
    return this.rows.kind[row] === RUN ? this.traces[this.rows.text[row] as number] : undefined;
  }

  /** Whether some of what is inside a span was not loaded, as its run is too large. */
  lacks(row: number): boolean {
    const { rows } = this;
    const kind = rows.kind[row] as number;
    const trace = this.traces[rows.run[row] as number];
    if ((kind !== OPEN && kind !== SPAN) || trace?.state !== "partial") return false;
    const { tail } = trace;
    const id = rows.id[row] as number;
    const isBefore = kind === SPAN && id <= trace.cursor;
    const isAfter =
      tail !== null && (kind === OPEN ? id >= tail.from : id >= tail.from && (rows.start[row] as number) >= tail.since);
    if (isBefore || isAfter) return false;
    for (let above = row; above > 0; above = rows.parent[above] as number) {
      if (trace.inside.get(above) === Number.POSITIVE_INFINITY) return false;
    }
    return true;
  }

  /** Whether a row has begun, has not ended, and may still end: its run goes on. */
  isRunning(row: number): boolean {
    const { rows } = this;
    if (rows.kind[row] === LOG || (rows.duration[row] as number) >= 0) return false;
    const trace = this.traces[rows.run[row] as number];
    return trace !== undefined && (rows.duration[trace.at] as number) < 0;
  }

  /** When a row ended: what has not, now, or with its run. */
  end(row: number, now: number): number {
    const { rows } = this;
    const start = rows.start[row] as number;
    if (rows.kind[row] === LOG) return start;
    const duration = rows.duration[row] as number;
    if (duration >= 0) return start + duration;
    if (this.isRunning(row)) return Math.max(start, now);
    const at = this.traces[rows.run[row] as number]?.at ?? 0;
    return Math.max(start, (rows.start[at] as number) + (rows.duration[at] as number));
  }
}

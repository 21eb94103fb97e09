/** A run's trace in the page's memory: what was loaded, what comes live, and the runs that were triggered in it.
 *
 * Rows are never removed and keep their index. `version` counts up after each change; whoever shows rows reads the
 * columns again then. Free of the DOM: the timeline, the Logs tab and the export show the same store.
 */

import type { RunRow, TracePage } from "../../api/types";
import { ERROR_LEVEL, INFO_LEVEL, LOG, NONE, OPEN, RUN, SPAN, WARN_LEVEL } from "./columns";
import { decodePage } from "./decode";
import { templateHash } from "./families";
import { byStart, preorder } from "./links";
import { Places } from "./placing";
import { isStep } from "./roles";
import { hasEnded, statusOf } from "./runstatus";
import { wordsOf } from "./spans";
import { type RunTrace, Trace } from "./trace";

export type { RunTrace } from "./trace";

export class TraceStore extends Trace {
  readonly #places = new Places(this.rows, this.families, this.spans, (row) => this.#familyKey(row));

  constructor(run: RunRow) {
    super();
    this.#takeRun(run, NONE, false);
  }

  /** Take a run as it is now: the shown one, or one that it triggered. */
  setRun(run: RunRow): void {
    const known = this.traceOf(run.run_id);
    if (known === undefined) return;
    this.#takeRun(run, NONE, false);
    this.version.value++;
  }

  /** Take runs that were triggered in those that are here, as they are now. */
  setRuns(runs: readonly RunRow[]): void {
    for (const run of runs) {
      const parent = run.parent_run_id === null ? undefined : this.traceOf(run.parent_run_id);
      if (parent !== undefined) this.#takeRun(run, parent.at, parent.state === "loading");
    }
    this.version.value++;
  }

  /** Add a live page. While its run is being loaded it is held back: its rows may be among those to come. */
  apply(page: TracePage): void {
    const trace = this.traceOf(page.run_id);
    if (trace === undefined) return;
    if (trace.state === "loading") trace.held.push(page);
    else this.add(page, trace.tail !== null);
  }

  /** Add rows of a part of a run out of their turn. */
  addBeside(page: TracePage): void {
    const trace = this.traceOf(page.run_id);
    if (trace === undefined) return;
    const before = trace.loaded;
    this.#takeRows(page, trace, true);
    trace.remaining = Math.max(0, trace.remaining - (trace.loaded - before));
    this.version.value++;
  }

  /** What was added beside has its place, as far as there is one. */
  settleBeside(trace: RunTrace): void {
    if (trace.state !== "loading") this.#places.settle((row) => this.#top(row));
    this.version.value++;
  }

  /** Add the next page of a run: of those after `cursor`, or of its tail. */
  add(page: TracePage, isTail = false): void {
    const trace = this.traceOf(page.run_id);
    if (trace === undefined) return;
    const before = trace.loaded;
    const first = this.rows.count;
    this.#takeRows(page, trace);
    if (isTail && trace.tail !== null) {
      if (trace.tail.since === Number.POSITIVE_INFINITY && this.rows.count > first)
        trace.tail.since = (this.rows.start[first] as number) + Math.max(0, this.rows.duration[first] as number);
      trace.tail.to = Math.max(trace.tail.to, page.cursor);
      trace.remaining = Math.max(0, trace.remaining - (trace.loaded - before));
    } else this.#advance(page, trace);
    trace.children = Math.max(trace.children, page.children_total);
    for (const child of page.children) this.#takeRun(child, trace.at, page.more);
    this.version.value++;
  }

  /** A run has been loaded, or will not be: what was held back follows, and who has no parent goes under the run. */
  settle(trace: RunTrace, state: "loaded" | "partial" | "failed"): void {
    trace.state = state;
    for (const page of trace.held.splice(0)) this.add(page, trace.tail !== null);
    this.#places.settle((row) => this.#top(row));
    this.version.value++;
  }

  /** All rows in the tree, parents first. */
  order(into: Int32Array): number {
    const reached = preorder(this.rows, 0, into);
    if (!this.#places.breakCircles(reached, into, (row) => this.#top(row))) return reached;
    return preorder(this.rows, 0, into);
  }

  #advance(page: TracePage, trace: RunTrace): void {
    const { tail } = trace;
    trace.cursor = Math.max(trace.cursor, page.cursor);
    trace.remaining = page.more ? page.remaining : 0;
    if (tail === null || trace.cursor < tail.from) return;
    trace.cursor = Math.max(trace.cursor, tail.to); // the two parts meet
    trace.tail = null;
    trace.remaining = 0;
  }

  #top(row: number): number {
    return this.traces[this.rows.run[row] as number]?.at ?? 0;
  }

  #takeRows(page: TracePage, trace: RunTrace, isBeside = false): void {
    const { rows } = this;
    const decoded = decodePage(page);
    const { tail } = trace;
    const run = this.traceIndex.get(page.run_id) as number;
    const offset = (page.origin - this.origin) * 1e6;
    const names = decoded.names.map((name) => this.names.indexOf(name));
    const from = rows.count;
    rows.reserve(from + decoded.count);
    const source = new Uint32Array(decoded.count);
    const target = new Int32Array(decoded.count).fill(NONE);
    let message = -1;
    for (let index = 0; index < decoded.count; index++) {
      const kind = decoded.kind[index] as number;
      if (kind === LOG) message++;
      const id = decoded.id[index] as number;
      if (id <= trace.cursor || (tail !== null && id >= tail.from && id <= tail.to)) continue; // it is here
      if (kind === LOG && trace.beside.has(id)) continue;
      const [high, low] = [decoded.span[index * 2] as number, decoded.span[index * 2 + 1] as number];
      let row = kind === LOG ? NONE : this.spans.get(high, low);
      if (row < 0) {
        row = rows.add();
        source[row - from] = index;
        rows.start[row] = (decoded.start[index] as number) + offset;
        rows.run[row] = run;
        rows.spanHigh[row] = high;
        rows.spanLow[row] = low;
        if (kind !== LOG) this.spans.set(high, low, row);
        else rows.text[row] = this.messages.push(decoded.messages[message] ?? "") - 1;
        if (isBeside && kind === LOG) trace.beside.add(id);
        trace.loaded++;
      } else if (rows.kind[row] !== OPEN || kind !== SPAN) continue; // the run's own span, or known
      target[index] = row;
      this.accessories.delete(row);
      rows.id[row] = id;
      rows.kind[row] = kind;
      rows.level[row] = decoded.level[index] as number;
      rows.status[row] = decoded.status[index] as number;
      rows.flags[row] = decoded.flags[index] as number;
      const name = names[decoded.name[index] as number] ?? 0;
      rows.name[row] = name;
      rows.role[row] = kind === LOG ? 0 : (this.names.roles[name] as number);
      const duration = decoded.duration[index] as number;
      rows.duration[row] = duration;
      this.latest = Math.max(this.latest, (rows.start[row] as number) + Math.max(0, duration));
    }
    for (const [index, text] of decoded.accessories) {
      const row = target[index] ?? NONE;
      if (row !== NONE) this.accessories.set(row, [...(this.accessories.get(row) ?? []), text]);
    }
    for (const row of byStart(rows, from, rows.count)) {
      const index = (source[row - from] as number) * 2;
      this.#place(
        row,
        decoded.parent[index] as number,
        decoded.parent[index + 1] as number,
        trace.at,
        page.more || isBeside,
      );
    }
  }

  #takeRun(run: RunRow, top: number, mayCome: boolean): void {
    const { rows } = this;
    let index = this.traceIndex.get(run.run_id);
    if (index === undefined) {
      index = this.traces.length;
      const at = rows.add();
      this.traceIndex.set(run.run_id, index);
      this.traces.push({
        run,
        at,
        state: "absent",
        cursor: 0,
        tail: null,
        beside: new Set(),
        inside: new Map(),
        loaded: 0,
        remaining: 0,
        children: 0,
        held: [],
      });
      rows.kind[at] = RUN;
      rows.run[at] = index;
      rows.text[at] = index;
      rows.start[at] = (run.created - this.origin) * 1e6;
      rows.name[at] = this.names.indexOf(run.task);
      const [high, low] = run.span_id === null ? [0, 0] : wordsOf(run.span_id);
      rows.spanHigh[at] = high;
      rows.spanLow[at] = low;
      if (run.span_id !== null) this.spans.set(high, low, at);
      if (top !== NONE) {
        const [parentHigh, parentLow] = run.parent_span_id === null ? [0, 0] : wordsOf(run.parent_span_id);
        this.#place(at, parentHigh, parentLow, top, mayCome);
      }
    }
    const trace = this.traces[index] as RunTrace;
    if (isOlder(run, trace.run)) return;
    trace.run = run;
    const at = trace.at;
    rows.status[at] = statusOf(run.status);
    rows.level[at] = rows.status[at] === 2 ? ERROR_LEVEL : rows.status[at] === 3 ? WARN_LEVEL : INFO_LEVEL;
    rows.duration[at] = hasEnded(run.status) ? Math.max(0, ((run.ended ?? run.changed) - run.created) * 1e6) : -1;
    this.latest = Math.max(this.latest, (rows.start[at] as number) + Math.max(0, rows.duration[at] as number));
  }

  #place(row: number, high: number, low: number, top: number, mayCome: boolean): void {
    this.#places.place(row, high, low, top, mayCome);
    if (this.rows.kind[row] !== LOG && this.#places.isAnyoneWaiting) this.#places.arrived(row, this.spanId(row));
  }

  #familyKey(row: number): number {
    const { rows } = this;
    if (rows.kind[row] === LOG) {
      const seed = ((rows.level[row] as number) << 20) ^ (this.names.hashes[rows.name[row] as number] as number);
      return templateHash(this.messages[rows.text[row] as number] ?? "", seed) || 1;
    }
    if (isStep(rows.role[row] as number)) return 0;
    return (
      ((this.names.hashes[rows.name[row] as number] as number) ^ (rows.kind[row] === RUN ? 0x5bd1e995 : 0)) >>> 0 || 1
    );
  }
}

function isOlder(run: RunRow, known: RunRow): boolean {
  if (run.version !== known.version) return run.version < known.version;
  return run.spans + run.logs < known.spans + known.logs;
}

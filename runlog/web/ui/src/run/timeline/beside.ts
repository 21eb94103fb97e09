/** What is read of a large run out of its turn: the inside of a span that is opened, and what a link leads to. */

import { type Signal, signal } from "@preact/signals";
import { ApiError, isAbort } from "../../api/client";
import type { Selection } from "../../state/selection";
import { LOG, NONE } from "./columns";
import type { TraceSource } from "./load";
import type { RunTrace, TraceStore } from "./store";

/** Of the inside of a span so many rows are read at once, in pages of so many. */
const INSIDE = 20_000;
const PAGE = 10_000;
const WHOLE = Number.POSITIVE_INFINITY;

export class Beside {
  /** How much is being read. */
  readonly reading: Signal<number> = signal(0);
  /** Why the last that was asked for did not come; "" if it did. */
  readonly problem: Signal<string> = signal("");
  readonly #open = new Set<number>();
  readonly #sought = new Set<string>();

  constructor(
    private readonly store: TraceStore,
    private readonly source: TraceSource,
    private readonly stop: AbortSignal,
  ) {}

  /** Read what is inside a span that lacks some of it: so many rows, the next time those after them. */
  async open(row: number): Promise<void> {
    const { store } = this;
    const trace = store.traces[store.rows.run[row] as number];
    if (trace === undefined || this.#open.has(row) || !store.lacks(row)) return;
    this.#open.add(row);
    await this.#read(trace, () => this.#inside(trace, row));
    this.#open.delete(row);
  }

  /** Bring what a link leads to, once: with the spans that it is in, and what is beside it in the innermost. */
  async find(selection: Selection): Promise<void> {
    const { store } = this;
    if (selection === null) return;
    const key = "span" in selection ? selection.span : String(selection.event);
    const isHere = "span" in selection ? store.rowOfSpan(selection.span) : store.rowOfEvent(selection.event);
    if (isHere !== NONE || this.#sought.has(key)) return;
    this.#sought.add(key);
    const trace = store.main;
    await this.#read(trace, async () => {
      if ("span" in selection) await this.#way(trace, selection.span);
      else await this.#event(trace, selection.event);
    });
  }

  async #event(trace: RunTrace, id: number): Promise<void> {
    const event = await this.source.event(id, this.stop);
    const { run_id } = trace.run;
    if (event.run_id !== run_id) return;
    if (event.kind !== "log") {
      await this.#way(trace, event.span_id);
      return;
    }
    if (event.parent_id !== null && this.store.rowOfSpan(event.parent_id) === NONE) {
      await this.#page(trace, { to: event.parent_id });
      await this.#siblings(trace, this.store.rowOfSpan(event.parent_id));
    }
    this.#take(await this.source.page(run_id, id - 1, 1, this.stop)); // where its span has too much in it
  }

  async #way(trace: RunTrace, span: string | null): Promise<void> {
    if (span === null) return;
    const known = this.store.count;
    await this.#page(trace, { to: span });
    const above = this.store.rows.parent[this.store.rowOfSpan(span)] ?? NONE;
    if (above >= known) await this.#siblings(trace, above);
  }

  /** What a span that was not here at all has inside. */
  async #siblings(trace: RunTrace, row: number): Promise<void> {
    if (row > 0 && this.store.rows.kind[row] !== LOG) await this.#inside(trace, row);
  }

  async #page(trace: RunTrace, part: { to: string }): Promise<void> {
    this.#take(await this.source.page(trace.run.run_id, 0, PAGE, this.stop, part));
  }

  async #inside(trace: RunTrace, row: number): Promise<void> {
    const under = this.store.spanId(row);
    let after = Math.max(trace.cursor, trace.inside.get(row) ?? 0);
    for (let count = 0; count < INSIDE && after !== WHOLE; ) {
      const page = await this.source.page(trace.run.run_id, after, PAGE, this.stop, { under });
      this.#take(page);
      count += page.count;
      after = page.more && (trace.tail === null || page.cursor < trace.tail.from) ? page.cursor : WHOLE;
    }
    trace.inside.set(row, after);
  }

  #take(page: Parameters<TraceStore["addBeside"]>[0]): void {
    this.stop.throwIfAborted();
    this.store.addBeside(page);
  }

  async #read(trace: RunTrace, read: () => Promise<void>): Promise<void> {
    this.reading.value++;
    this.problem.value = "";
    try {
      await read();
    } catch (error) {
      if (!isAbort(error)) this.problem.value = error instanceof ApiError ? error.problem.what : String(error);
    }
    this.reading.value--;
    if (!this.stop.aborted) this.store.settleBeside(trace);
  }
}

/** Getting a run's trace from the server, page by page, and those of the runs that are opened in it. */

import { type Signal, signal } from "@preact/signals";
import { ApiError, get, isAbort } from "../../api/client";
import type { EventDetail, Matches, RunsPage, TracePage } from "../../api/types";
import type { Selection } from "../../state/selection";
import { Beside } from "./beside";
import { bytesOf } from "./decode";
import type { RunTrace, TraceStore } from "./store";

/** Where traces come from. */
export interface TraceSource {
  page(runId: string, after: number, limit: number, signal: AbortSignal, part?: TracePart): Promise<TracePage>;
  /** Runs that a run triggered, the newest first. */
  children(runId: string, cursor: string | null, signal: AbortSignal): Promise<RunsPage>;
  /** The events of a run that a query finds; absent where nobody can tell. */
  matches?(runId: string, query: string, cursor: string | null, signal: AbortSignal): Promise<Matches>;
  event(id: number, signal: AbortSignal): Promise<EventDetail>;
}

/** Of a trace only what is inside a span, or the spans on the way to one, with it. */
export type TracePart = { under: string } | { to: string };

/** The first page is small, so that there is something to see at once. */
const FIRST_PAGE = 3000;
/** So many that taking one in is over before anybody notices. */
const PAGE = 10_000;
/** A trace is loaded up to so many rows by itself. */
const MOST_ROWS = 1_000_000;
/** Runs that are opened by themselves: so many, with so many rows in all. */
const OPENED_RUNS = 12;
const OPENED_ROWS = 2000;
/** Runs that a run triggered are shown up to so many. */
const MOST_CHILDREN = 20_000;
/** A run whose row changed is asked for what is new at most so often, in milliseconds. */
const REFRESH = 1000;

export class TraceLoader {
  /** Why the loading of the shown run stopped before its end; "" if it did not. */
  readonly problem: Signal<string> = signal("");
  /** What is read out of its turn. */
  readonly beside: Beside;
  readonly #stop = new AbortController();
  readonly #refreshing = new Map<string, ReturnType<typeof setTimeout>>();
  #limit: number;

  constructor(
    readonly store: TraceStore,
    readonly source: TraceSource = server,
    private readonly most = MOST_ROWS,
  ) {
    this.#limit = most;
    this.beside = new Beside(store, source, this.#stop.signal);
  }

  /** Load the shown run, or go on where that stopped. */
  start(): Promise<void> {
    return this.#load(this.store.main);
  }

  /** Load as many rows again, of a run that has more than are loaded by themselves. */
  more(): Promise<void> {
    this.#limit = this.store.count + this.most;
    return this.#load(this.store.main);
  }

  /** Load a run that was triggered here. */
  open(runId: string): void {
    const trace = this.store.traceOf(runId);
    if (trace !== undefined && (trace.state === "absent" || trace.state === "failed")) void this.#load(trace);
  }

  /** Read what is inside a span that lacks some of it. */
  openSpan(row: number): void {
    void this.beside.open(row);
  }

  /** Bring what is selected, where it was not loaded as the run is too large. */
  find(selection: Selection): void {
    const { main } = this.store;
    const isLarge = main.cursor > 0 && main.run.spans + main.run.logs > this.#limit;
    if (main.state === "partial" || (main.state === "loading" && isLarge)) void this.beside.find(selection);
  }

  /** Rows of runs have changed: of those that are open and have more by now, get it. */
  refresh(): void {
    for (const trace of this.store.traces.slice(1)) {
      const { run } = trace;
      if (trace.state !== "loaded" || trace.loaded >= run.spans + run.logs || this.#refreshing.has(run.run_id))
        continue;
      const timer = setTimeout(() => {
        this.#refreshing.delete(run.run_id);
        void this.#load(trace);
      }, REFRESH);
      this.#refreshing.set(run.run_id, timer);
    }
  }

  close(): void {
    this.#stop.abort();
    for (const timer of this.#refreshing.values()) clearTimeout(timer);
  }

  async #load(trace: RunTrace): Promise<void> {
    if (trace.state === "loading") return;
    const { store } = this;
    const isMain = trace === store.main;
    const isFirst = trace.cursor === 0;
    trace.state = "loading";
    if (isMain) {
      this.problem.value = "";
    }
    store.version.value++;
    try {
      const complete = await this.#pages(trace);
      if (complete) await this.#children(trace);
      else if (trace.tail === null) await this.#tail(trace);
      if (this.#stop.signal.aborted) return;
      store.settle(trace, complete ? "loaded" : "partial");
      if (isMain && isFirst) this.#openSmall();
    } catch (error) {
      if (isAbort(error)) return;
      store.settle(trace, "failed");
      if (isMain) this.problem.value = error instanceof ApiError ? error.problem.what : String(error);
    }
  }

  /** False where there is more than is loaded by itself. */
  async #pages(trace: RunTrace): Promise<boolean> {
    const { store } = this;
    const { signal } = this.#stop;
    const id = trace.run.run_id;
    let next = this.source.page(id, trace.cursor, trace.cursor === 0 ? FIRST_PAGE : PAGE, signal);
    for (;;) {
      const page = await next;
      signal.throwIfAborted();
      const isFull = store.count + page.count >= this.#limit && page.more;
      if (page.more && !isFull) {
        next = this.source.page(id, page.cursor, PAGE, signal);
        next.catch(() => undefined); // awaited in the next round
      }
      const hadTail = trace.tail !== null;
      store.add(page);
      if (!page.more || (hadTail && trace.tail === null)) return true;
      if (isFull) return false;
    }
  }

  /** Of a run that is too large, what happened last is wanted as much as what happened first. */
  async #tail(trace: RunTrace): Promise<void> {
    const id = trace.run.run_id;
    const { signal } = this.#stop;
    const newest = await this.source.matches?.(id, "", null, signal);
    const first = newest === undefined ? undefined : new Float64Array(bytesOf(newest.ids)).at(-1);
    if (first === undefined || first <= trace.cursor) return;
    trace.tail = { from: first, to: first - 1, since: Number.POSITIVE_INFINITY };
    for (let more = true; more; ) {
      const page = await this.source.page(id, trace.tail.to, PAGE, signal);
      signal.throwIfAborted();
      this.store.add(page, true);
      more = page.more;
    }
  }

  /** The first page has the newest of the runs that it triggered: get the others, up to a number. */
  async #children(trace: RunTrace): Promise<void> {
    const { store } = this;
    const id = trace.run.run_id;
    let cursor: string | null = null;
    while (store.childrenOf(id) < Math.min(trace.children, MOST_CHILDREN)) {
      const page: RunsPage = await this.source.children(id, cursor, this.#stop.signal);
      this.#stop.signal.throwIfAborted();
      store.setRuns(page.items);
      cursor = page.cursor;
      if (cursor === null) return;
    }
  }

  /** Runs that it triggered and that are small are shown open: those that failed first. */
  #openSmall(): void {
    let left = OPENED_ROWS;
    let runs = OPENED_RUNS;
    const failedFirst = [...this.store.traces.slice(1)].sort(
      (one, other) => Number(other.run.error !== null) - Number(one.run.error !== null),
    );
    for (const trace of failedFirst) {
      const size = trace.run.spans + trace.run.logs;
      if (trace.state !== "absent" || size === 0 || size > left || runs === 0) continue;
      left -= size;
      runs--;
      this.open(trace.run.run_id);
    }
  }
}

const server: TraceSource = {
  page: (runId, after, limit, signal, part) =>
    get<TracePage>(`${pathOf(runId)}/trace`, { after, limit, ...part }, signal),
  children: (runId, cursor, signal) =>
    get<RunsPage>(`${pathOf(runId)}/children`, { cursor: cursor ?? undefined }, signal),
  matches: (runId, query, cursor, signal) =>
    get<Matches>(`${pathOf(runId)}/matches`, { q: query, cursor: cursor ?? undefined }, signal),
  event: (id, signal) => get<EventDetail>(`/api/events/${id}`, {}, signal),
};

function pathOf(runId: string): string {
  return `/api/runs/${encodeURIComponent(runId)}`;
}

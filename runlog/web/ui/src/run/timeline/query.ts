/** The filter as a query: the server says which events of the run, and of the runs that are open in it, it finds. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ApiError, isAbort } from "../../api/client";
import type { Matches } from "../../api/types";
import { bytesOf } from "./decode";
import type { TraceSource } from "./load";
import type { TraceStore } from "./store";

export interface QueryState {
  state: "off" | "searching" | "done" | "failed";
  /** What is wrong with the query, or why there is no answer. */
  problem: string;
}

/** A key, a colon and a value: `level:>=warn`, `user.id:7`. Not `https://…`, and not a colon at a word's end. */
const TERM = /(^|[\s(-])([\w.@$/-]+|"[^"]+"):(?![/:])\S/;
const OFF: QueryState = { state: "off", problem: "" };
/** While one types, and while the run goes on, in milliseconds. */
const AFTER_KEY = 200;
const AGAIN = 2000;

/** Whether a filter is for the server: else it is a text to look for in what is here. */
export function isQuery(text: string): boolean {
  return TERM.test(text);
}

export class QueryFilter {
  readonly #state: Signal<QueryState> = signal(OFF);
  #text = "";
  #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: TraceStore,
    private readonly source: TraceSource,
    private readonly onFound: (events: ReadonlySet<number>) => void,
    private readonly wait = AFTER_KEY,
  ) {}

  get state(): ReadonlySignal<QueryState> {
    return this.#state;
  }

  /** Look for what a query finds; "" ends it. */
  ask(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#cancel();
    this.#state.value = text === "" ? OFF : { state: "searching", problem: "" };
    if (text !== "") this.#timer = setTimeout(() => void this.#search(), this.wait);
  }

  close(): void {
    this.#text = "";
    this.#cancel();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  async #search(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const found = new Set<number>();
      for (const trace of this.store.traces) {
        if (trace.state !== "absent") await this.#of(trace.run.run_id, found, signal);
      }
      if (signal.aborted) return;
      this.onFound(found);
      this.#state.value = { state: "done", problem: "" };
      if (this.store.isRunning(0)) this.#timer = setTimeout(() => void this.#search(), AGAIN);
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      const problem = error instanceof ApiError ? error.problem.what : String(error);
      this.#state.value = { state: "failed", problem };
    }
  }

  /** What is found is shown as it comes: looking through a large run takes a while. */
  async #of(runId: string, found: Set<number>, signal: AbortSignal): Promise<void> {
    let cursor: string | null = null;
    do {
      const answer: Matches | undefined = await this.source.matches?.(runId, this.#text, cursor, signal);
      if (answer === undefined || signal.aborted) return;
      for (const id of new Float64Array(bytesOf(answer.ids))) found.add(id);
      cursor = answer.cursor;
      if (cursor !== null && this.#state.peek().state === "searching") this.onFound(new Set(found));
    } while (cursor !== null);
  }
}

// Many runs canceled or replayed: some by their ids, in portions; or all that match a query, if they are still as many
// as were confirmed.
import { signal } from "@preact/signals";
import { ApiError, get, post } from "../api/client";
import type { BulkResult, Count } from "../api/types";
import type { Act } from "./words";
import { openOnly } from "./words";

export interface Target {
  act: Act;
  /** These runs; null: all that match. */
  runIds: readonly string[] | null;
  query: string;
}

/** What is asked of the server; a test brings its own. */
export interface Server {
  get: typeof get;
  post: typeof post;
}

export type BulkState =
  | { step: "counting" }
  /** `changed`: there are others than when it was confirmed. `searchedTo`: not all of the log is counted. */
  | { step: "ready"; runs: number; changed: boolean; searchedTo: number | null }
  | { step: "working"; done: number; of: number }
  | { step: "done"; result: BulkResult }
  | { step: "failed"; error: unknown; done: number };

const PORTION = 200;

export class Bulk {
  readonly state = signal<BulkState>({ step: "counting" });
  #stopped = false;

  constructor(
    readonly target: Target,
    private readonly server: Server = { get, post },
  ) {}

  /** Find out how many it is about. */
  async count(): Promise<void> {
    const { runIds, act, query } = this.target;
    if (runIds !== null) {
      this.#ready(runIds.length);
      return;
    }
    this.state.value = { step: "counting" };
    try {
      const q = act === "cancel" ? openOnly(query) : query;
      const { count, searched_to } = await this.server.get<Count>("/api/runs/count", { q });
      this.#ready(count, false, searched_to);
    } catch (error) {
      this.state.value = { step: "failed", error, done: 0 };
    }
  }

  /** Do it, with so many as were shown. */
  async start(reason: string): Promise<void> {
    const ready = this.state.peek();
    if (ready.step !== "ready") return;
    const { runIds } = this.target;
    let done = 0;
    try {
      const whole: BulkResult = {
        matched: 0,
        changed: 0,
        run_ids: [],
        refused: [],
        refused_total: 0,
        left: 0,
        next: null,
      };
      const ids = [...(runIds ?? [])];
      let next: object | null = runIds === null ? { query: this.target.query, expected: ready.runs } : portionOf(ids);
      while (next !== null && !this.#stopped) {
        this.state.value = { step: "working", done: whole.matched, of: ready.runs };
        const part: BulkResult = await this.#post(next, reason);
        add(whole, part);
        done = whole.changed;
        next = part.next === null ? portionOf(ids) : { next: part.next };
      }
      this.state.value = { step: "done", result: whole };
    } catch (error) {
      const now = error instanceof ApiError && error.status === 409 && done === 0 ? error.problem.count : null;
      if (typeof now === "number") this.#ready(now, true);
      else this.state.value = { step: "failed", error, done };
    }
  }

  /** Leave the rest as it is. */
  stop(): void {
    this.#stopped = true;
  }

  #ready(runs: number, changed = false, searchedTo: number | null = null): void {
    this.state.value = { step: "ready", runs, changed, searchedTo };
  }

  #post(body: object, reason: string): Promise<BulkResult> {
    const { act } = this.target;
    const because = act === "cancel" && reason !== "" ? { reason } : {};
    return this.server.post<BulkResult>(`/api/runs/${act}`, { ...body, ...because });
  }
}

/** The next of the chosen runs; null when there are no more. */
function portionOf(ids: string[]): { run_ids: string[] } | null {
  return ids.length === 0 ? null : { run_ids: ids.splice(0, PORTION) };
}

function add(whole: BulkResult, part: BulkResult): void {
  whole.matched += part.matched;
  whole.changed += part.changed;
  whole.run_ids.push(...part.run_ids);
  whole.refused.push(...part.refused);
  whole.refused_total += part.refused_total;
}

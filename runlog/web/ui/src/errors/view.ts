// The state of the errors page: what is loaded, and loaded again as the log grows.
import { signal } from "@preact/signals";
import { ApiError, type Params } from "../api/client";
import type { ErrorsPage } from "../api/types";
import { type Range, spanOf } from "../format/range";
import { serverNow } from "../state/clock";
import { Following } from "../state/following";
import { type Source, server } from "../state/search";
import { Groups, type Sort } from "./groups";

export interface Wanted {
  q: string;
  range: Range;
  sort: Sort;
}

/** Kinds that are shown at most. */
const MOST = 1000;

export class ErrorsView {
  /** Grows with each change of `groups`. */
  readonly version = signal(0);
  groups = new Groups("last");
  readonly following: Following<ErrorsPage>;
  private wanted: Wanted | null = null;

  constructor(source: Source = server) {
    this.following = new Following((from, signal) => this.ask(from, signal), source);
  }

  want(wanted: Wanted): void {
    const before = this.wanted;
    this.wanted = wanted;
    const { q, range, sort } = wanted;
    if (before?.q !== q || before.range.from !== range.from || before.range.to !== range.to) {
      this.groups = new Groups(sort);
      this.following.answer.value = null;
      this.following.failure.value = null;
    } else if (before.sort !== sort) {
      const { shown, waiting } = this.groups;
      this.groups = new Groups(sort);
      this.groups.take([...shown, ...waiting]);
    }
    this.version.value++;
    this.following.start();
  }

  /** Show what waits, in order. */
  tidy(): void {
    this.groups.tidy();
    this.version.value++;
  }

  private async ask(source: Source, signal: AbortSignal): Promise<ErrorsPage> {
    const { q, range } = this.wanted ?? { q: "", range: { from: null, to: null } };
    const page = await source
      .get<ErrorsPage>("/api/errors", { ...timeAsked(q, range), limit: MOST }, signal)
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.problem.code === "no-log") return NOTHING;
        throw error;
      });
    if (!signal.aborted) {
      this.groups.take(page.groups);
      this.version.value++;
    }
    return page;
  }
}

/** The server takes no time to mean the last week. */
export function timeAsked(q: string, range: Range): Params {
  const { from = 0, to } = spanOf(range, serverNow());
  return { q, from, to };
}

/** Nothing was ever recorded. */
const NOTHING: ErrorsPage = { start: 0, end: 0, groups: [], total: 0, searched_to: null };

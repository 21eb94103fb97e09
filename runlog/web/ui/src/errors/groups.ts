// The groups of errors in an order that stays while one looks: numbers change in place, groups that are new wait.
import type { ErrorGroup } from "../api/types";

export type Sort = "last" | "first" | "count" | "runs";

export const SORTS: readonly { sort: Sort; label: string }[] = [
  { sort: "last", label: "Last seen" },
  { sort: "first", label: "Newest kind" },
  { sort: "count", label: "Most often" },
  { sort: "runs", label: "Most runs" },
];

export function sortOf(text: string | null): Sort {
  return SORTS.find((one) => one.sort === text)?.sort ?? "last";
}

export class Groups {
  shown: ErrorGroup[] = [];
  /** Groups that came since, and are not shown yet. */
  waiting: ErrorGroup[] = [];
  #isFilled = false;

  constructor(readonly sort: Sort) {}

  /** Take what there is now. Groups that are there no longer stay with no count, until the next fresh look. */
  take(groups: readonly ErrorGroup[]): void {
    if (!this.#isFilled || this.shown.length === 0) {
      this.#isFilled = true;
      this.shown = sorted(groups, this.sort);
      return;
    }
    const now = new Map(groups.map((group) => [group.fingerprint, group]));
    this.shown = this.shown.map((known) => now.get(known.fingerprint) ?? { ...known, count: 0, runs: 0, spark: [] });
    const known = new Set(this.shown.map((group) => group.fingerprint));
    this.waiting = groups.filter((group) => !known.has(group.fingerprint));
  }

  /** Show what waits, and everything in its order as of now. */
  tidy(): void {
    this.shown = sorted([...this.shown.filter((group) => group.count > 0), ...this.waiting], this.sort);
    this.waiting = [];
  }

  /** How many there are that it no longer finds. */
  get gone(): number {
    return this.shown.reduce((sum, group) => sum + (group.count === 0 ? 1 : 0), 0);
  }
}

function sorted(groups: readonly ErrorGroup[], sort: Sort): ErrorGroup[] {
  return [...groups].sort((one, other) => other[sort] - one[sort] || other.last - one.last);
}

/** A sparkline's bars: for each slice how high it is, 0 to 1. What is there is never too low to be seen. */
export function heights(spark: readonly number[]): number[] {
  const top = Math.max(1, ...spark);
  return spark.map((value) => (value === 0 ? 0 : Math.max(0.12, value / top)));
}

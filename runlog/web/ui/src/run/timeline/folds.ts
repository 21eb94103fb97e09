/** What the row of a family says about its members. */

import { FAILED, LOG, NONE, WARN_LEVEL } from "./columns";
import { commonText } from "./families";
import { HIDDEN } from "./filter";
import type { Outline } from "./outline";

export interface Fold {
  text: string;
  members: Int32Array;
  /** Of the members themselves and of what is in them. */
  errors: number;
  warnings: number;
  /** Members that failed. */
  failed: number;
  isLog: boolean;
  /** Members that have not ended. */
  running: number;
  start: number;
  end: number;
  /** 95 % took at most so long, and all together; of those that have ended. */
  p95: number;
  total: number;
}

const COMPARED = 64;

export class Folds {
  readonly #known = new Map<number, { size: number; fold: Fold }>();

  constructor(private readonly outline: Outline) {}

  /** Forget all: rows have come, or another filter is on. */
  clear(): void {
    this.#known.clear();
  }

  of(leader: number): Fold {
    const family = this.outline.store.rows.family[leader] as number;
    const size = this.outline.store.families.size[family] as number;
    const known = this.#known.get(leader);
    if (known !== undefined && known.size === size) return known.fold;
    const fold = this.#make(leader, family);
    this.#known.set(leader, { size, fold });
    return fold;
  }

  #make(leader: number, family: number): Fold {
    const { store, counts, filtered, loose } = this.outline;
    const { rows } = store;
    const found: number[] = [];
    for (let row = leader; row !== NONE; row = rows.next[row] as number) {
      if (rows.family[row] !== family || loose.has(row)) continue;
      if (filtered === null || filtered.mask[row] !== HIDDEN) found.push(row);
    }
    const members = Int32Array.from(found);
    const durations: number[] = [];
    const isLog = rows.kind[leader] === LOG;
    let [errors, warnings, failed, end, total, running] = [0, 0, 0, 0, 0, 0];
    for (const row of members) {
      errors += (counts.errors[row] as number) + (counts.isError[row] as number);
      warnings += (counts.warnings[row] as number) + (isLog && (rows.level[row] as number) >= WARN_LEVEL ? 1 : 0);
      if (!isLog && rows.status[row] === FAILED) failed++;
      const duration = rows.duration[row] as number;
      end = Math.max(end, (rows.start[row] as number) + Math.max(0, duration));
      if (isLog) continue;
      if (duration < 0) running++;
      else {
        durations.push(duration);
        total += duration;
      }
    }
    const sorted = Float64Array.from(durations).sort();
    const p95 = sorted[Math.max(0, Math.ceil(sorted.length * 0.95) - 1)] ?? 0;
    if (isLog && counts.isError[leader] === 1) warnings = 0;
    const text = commonText(found.slice(0, COMPARED).map((row) => (isLog ? store.message(row) : store.name(row))));
    const start = rows.start[leader] as number;
    return { text, members, errors, warnings, failed, isLog, running, start, end, p95, total };
  }
}

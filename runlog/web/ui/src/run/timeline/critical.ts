/** The critical path: what a run's length was made of. From its end back, the span that ended last is what was waited
 * for; before it began, the one that ended last then; and so on, inside each of them again. */

import { LOG, NONE } from "./columns";
import type { TraceStore } from "./store";

export class CriticalPath {
  /** For each row on the path its own parts of it: from, to, from, to, ..., latest first. */
  readonly parts = new Map<number, number[]>();
  /** How much of the path is a row's own, in nanoseconds. */
  own(row: number): number {
    let sum = 0;
    const parts = this.parts.get(row) ?? [];
    for (let index = 0; index < parts.length; index += 2)
      sum += (parts[index + 1] as number) - (parts[index] as number);
    return sum;
  }
}

export function criticalPath(store: TraceStore, root: number, now: number): CriticalPath {
  const path = new CriticalPath();
  const waiting: [row: number, from: number, to: number][] = [
    [root, store.rows.start[root] as number, store.end(root, now)],
  ];
  while (waiting.length > 0) {
    const [row, from, to] = waiting.pop() as [number, number, number];
    let moment = to;
    const parts: number[] = [];
    for (const child of byEnd(store, row, now)) {
      const start = Math.max(from, store.rows.start[child] as number);
      const end = store.end(child, now);
      // One that began after the moment we are at, or ends beyond it, was not waited for (what outlives its parent counts
      // up to the parent's end).
      if (start >= moment || (end > moment && moment !== to)) continue;
      const until = Math.min(end, moment);
      if (until <= from) break;
      if (moment > until) parts.push(until, moment);
      waiting.push([child, start, until]);
      moment = start;
    }
    if (moment > from) parts.push(from, moment);
    path.parts.set(row, parts);
  }
  return path;
}

/** A row's spans and runs, the one that ended last first. */
function byEnd(store: TraceStore, row: number, now: number): number[] {
  const { first, next, kind } = store.rows;
  const found: number[] = [];
  for (let child = first[row] as number; child !== NONE; child = next[child] as number) {
    if (kind[child] !== LOG) found.push(child);
  }
  return found.sort((one, other) => store.end(other, now) - store.end(one, now));
}

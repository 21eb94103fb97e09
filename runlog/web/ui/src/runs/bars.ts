import type { RunRow } from "../api/types";

/** The bar of a run's duration, in shares of the column's width. */
export interface Bar {
  queue: number;
  work: number;
  /** It is longer than the column shows. */
  cut: boolean;
  running: boolean;
}

const MS = 1e6;

/** How long a run was in the queue and at work until now, in nanoseconds. */
export function times(run: RunRow, now: number): { queue: number; work: number | null } {
  const until = run.started ?? run.ended ?? now;
  const since = Math.max(run.created, run.started === null ? (run.available ?? 0) : 0);
  const known = until === now ? null : run.queue_time; // what the server said grows while the run waits
  const queue = known === null ? Math.max(0, until - since) * MS : Number(known);
  if (run.started === null) return { queue, work: null };
  const passed = Math.max(0, (run.ended ?? now) - run.started) * MS;
  return { queue, work: run.duration === null ? passed : Number(run.duration) }; // over 104 days they are bigint
}

/** The length that fills the column: what nineteen of twenty runs stay under, rounded up to a step that seldom changes. */
export function scaleOf(runs: readonly RunRow[], now: number): number {
  const lengths = runs.map((run) => {
    const { queue, work } = times(run, now);
    return queue + (work ?? 0);
  });
  lengths.sort((one, other) => one - other);
  return stepUp(lengths[Math.min(lengths.length - 1, Math.floor(lengths.length * 0.95))] ?? 0);
}

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const ROUND = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * MS),
  ...[1, 2, 5, 10, 20, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((n) => n * MINUTE),
  ...[1, 2, 6, 12, 24, 48].map((n) => n * HOUR),
];

function stepUp(length: number): number {
  return ROUND.find((step) => step >= length) ?? Math.ceil(length / (24 * HOUR)) * 24 * HOUR;
}

export function barOf(run: RunRow, scale: number, now: number): Bar {
  const { queue, work } = times(run, now);
  const whole = queue + (work ?? 0);
  const shrink = whole > scale ? scale / whole : 1;
  return {
    queue: (queue * shrink) / scale,
    work: ((work ?? 0) * shrink) / scale,
    cut: whole > scale,
    running: run.started !== null && run.ended === null,
  };
}

import { describe, expect, it } from "vitest";
import { barOf, scaleOf, times } from "../../src/runs/bars";
import { row } from "./fixtures";

const S = 1e9;

describe("the time of a run", () => {
  it("is in the queue until its first attempt, and at work from then on", () => {
    const ended = row("a", { created: 0, started: 2_000, ended: 5_000, queue_time: 2 * S, duration: 3 * S });
    expect(times(ended, 99_000)).toEqual({ queue: 2 * S, work: 3 * S });
    const running = row("a", { created: 0, started: 2_000, queue_time: 2 * S });
    expect(times(running, 4_500)).toEqual({ queue: 2 * S, work: 2.5 * S });
  });

  it("grows while it waits in the queue, from when it may start", () => {
    expect(times(row("a", { created: 1_000 }), 4_000)).toEqual({ queue: 3 * S, work: null });
    expect(times(row("a", { created: 1_000, available: 3_000 }), 4_000)).toEqual({ queue: S, work: null });
    expect(times(row("a", { created: 1_000, available: 9_000 }), 4_000)).toEqual({ queue: 0, work: null });
  });

  it("is never below zero where the clocks differ", () => {
    expect(times(row("a", { created: 5_000, started: 6_000, queue_time: 0 }), 4_000).work).toBe(0);
  });
});

describe("the bars", () => {
  const run = (seconds: number) => row("a", { created: 0, started: 0, ended: 1, queue_time: 0, duration: seconds * S });

  it("have a round scale that one long run does not spoil", () => {
    const runs = Array.from({ length: 39 }, () => run(1.5));
    expect(scaleOf([...runs, run(4_000)], 0)).toBe(2 * S);
    expect(scaleOf([run(4_000)], 0)).toBe(7_200 * S);
    expect(scaleOf([run(90)], 0)).toBe(120 * S);
    expect(scaleOf([run(900_000)], 0)).toBe(11 * 86_400 * S);
    expect(scaleOf([], 0)).toBeGreaterThan(0);
  });

  it("say where they are cut", () => {
    const half = row("a", { created: 0, started: 1_000, ended: 2_000, queue_time: S, duration: S });
    expect(barOf(half, 4 * S, 0)).toEqual({ queue: 0.25, work: 0.25, cut: false, running: false });
    expect(barOf(half, S, 0)).toEqual({ queue: 0.5, work: 0.5, cut: true, running: false });
  });
});

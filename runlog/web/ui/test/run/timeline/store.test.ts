import { describe, expect, it } from "vitest";
import { Outline } from "../../../src/run/timeline/outline";
import { TraceStore } from "../../../src/run/timeline/store";
import { CREATED, hex, type Item, log, open, pagesOf, ROOT, randomTrace, runRow, span, tracePage } from "./traces";

function loaded(items: Item[], size = 1_000_000): TraceStore {
  const store = new TraceStore(runRow());
  store.main.state = "loading";
  for (const page of pagesOf(items, size)) store.add(page);
  store.settle(store.main, "loaded");
  return store;
}

/** The tree as text, one row a line. */
function drawn(store: TraceStore): string[] {
  const outline = new Outline(store);
  outline.isFolding = false;
  outline.update();
  return Array.from({ length: outline.count }, (_, index) => {
    const row = outline.visible[index] as number;
    const text = store.rows.kind[row] === 0 ? store.message(row) : store.name(row);
    return `${" ".repeat(outline.depths[index] as number)}${text}${store.rows.orphan[row] ? " (orphan)" : ""}`;
  });
}

describe("a trace", () => {
  it("puts spans that are written as they end, and logs, in their places in the order of their starts", () => {
    const store = loaded([
      log("hello", "run", 5),
      span("fetch", "f", "run", 10, 5),
      span("save", "s", "run", 8, 20),
      span("run()", "run", "try", 2, 30),
      span("Attempt 1", "try", undefined, 1, 32),
    ]);
    expect(drawn(store)).toEqual(["import", " Attempt 1", "  run()", "   hello", "   save", "   fetch"]);
    expect(store.message(store.rowOfEvent(1))).toBe("hello");
    expect(store.name(store.rowOfSpan(hex("s")))).toBe("save");
    expect(store.rowOfSpan("nonsense")).toBe(-1);
  });

  it("is the same whatever the size of the pages", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const items = randomTrace(seed, 400);
      const whole = drawn(loaded(items));
      expect(whole).toHaveLength(400);
      for (const size of [1, 7, 100]) expect(drawn(loaded(items, size)), `seed ${seed}`).toEqual(whole);
    }
  });

  it("is the same live as loaded, wherever the stream starts", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const items = randomTrace(seed, 300);
      const store = new TraceStore(runRow());
      store.main.state = "loading";
      const live = pagesOf(items, 20).map((page) => ({ ...page, more: false }));
      for (const page of live.slice(5, 10)) store.apply(page); // while the run is being loaded
      for (const page of pagesOf(items, 20).slice(0, 8)) store.add(page);
      store.settle(store.main, "loaded");
      for (const page of live.slice(10)) store.apply(page);
      expect(drawn(store)).toEqual(drawn(loaded(items)));
    }
  });

  it("shows what waits for its parent only once that came, or will not", () => {
    const store = new TraceStore(runRow());
    store.main.state = "loading";
    store.add(tracePage([span("inner", "i", "o", 5, 1)], { more: true, remaining: 1 }));
    expect(drawn(store)).toEqual(["import"]);
    store.add(tracePage([{ ...span("outer", "o", undefined, 4, 9), id: 2 }], { cursor: 2 }));
    expect(drawn(store)).toEqual(["import", " outer", "  inner"]);
  });

  it("puts a row whose parent is not there under the run, until it comes", () => {
    const store = loaded([span("inner", "i", "o", 5, 1)]);
    expect(drawn(store)).toEqual(["import", " inner (orphan)"]);
    store.apply(tracePage([{ ...open("outer", "o", undefined, 4), id: 9 }], { cursor: 9 }));
    expect(drawn(store)).toEqual(["import", " outer", "  inner"]);
  });

  it("replaces an open span by its end, and keeps its place", () => {
    const store = new TraceStore(runRow({ status: "EXECUTING", ended: null }));
    store.add(tracePage([open("work", "w", undefined, 5)]));
    const row = store.rowOfSpan(hex("w"));
    expect(store.isRunning(row)).toBe(true);
    expect(store.end(row, 50)).toBe(50);
    store.add(tracePage([{ ...span("work", "w", undefined, 5, 7, { status: 1 }), id: 2 }], { cursor: 2 }));
    expect(store.count).toBe(2);
    expect(store.isRunning(row)).toBe(false);
    expect(store.end(row, 50)).toBe(12);
    expect(store.rows.id[row]).toBe(2);
  });

  it("knows that what is open in a run that has ended was interrupted", () => {
    const store = loaded([open("work", "w", undefined, 5)]);
    const row = store.rowOfSpan(hex("w"));
    expect(store.isRunning(row)).toBe(false);
    expect(store.end(row, Number.POSITIVE_INFINITY)).toBe(1e9);
  });

  it("survives spans that are inside one another, and one inside itself", () => {
    const store = loaded([
      span("a", "a", "b", 1, 1),
      span("b", "b", "c", 1, 1),
      span("c", "c", "a", 1, 1),
      span("self", "x", "x", 1, 1),
      span("below", "y", "c", 2, 1),
    ]);
    const lines = drawn(store);
    expect(lines).toHaveLength(6);
    expect(lines.filter((line) => line.endsWith("(orphan)"))).toHaveLength(2);
  });

  it("has child runs as rows where they were waited for, and their rows in them once loaded", () => {
    const store = new TraceStore(runRow());
    const child = runRow({
      run_id: "run_b",
      task: "sync",
      span_id: hex("cc"),
      parent_span_id: hex("wait"),
      created: CREATED + 10,
      ended: CREATED + 40,
      spans: 1,
    });
    const page = tracePage([span("sync.trigger_and_wait()", "wait", undefined, 1e6, 50e6)], {
      children: [child],
      children_total: 1,
    });
    store.add(page);
    store.settle(store.main, "loaded");
    expect(drawn(store)).toEqual(["import", " sync.trigger_and_wait()", "  sync"]);
    const inner = { ...span("Attempt 1", "t", "cc", 2e6, 3e6), id: 7 };
    store.add(tracePage([inner], { run_id: "run_b", origin: CREATED + 10, cursor: 7 }));
    expect(drawn(store)).toEqual(["import", " sync.trigger_and_wait()", "  sync", "   Attempt 1"]);
    expect(store.rows.start[store.rowOfSpan(hex("t"))]).toBe(12e6);
    expect(store.rows.duration[store.rowOfSpan(hex("cc"))]).toBe(30e6);
  });

  it("takes the newer of two rows of a run", () => {
    const store = new TraceStore(runRow({ status: "EXECUTING", ended: null, version: 4 }));
    expect(store.isRunning(0)).toBe(true);
    store.setRun(runRow({ version: 5, status: "FAILED" }));
    store.setRun(runRow({ version: 4, status: "EXECUTING", ended: null }));
    expect(store.isRunning(0)).toBe(false);
    expect(store.rows.status[0]).toBe(2);
  });

  it("does not show the run's own span twice", () => {
    const store = loaded([{ ...span("import", "q", undefined, 0, 1e9), span: ROOT, parent: hex("0") }]);
    expect(drawn(store)).toEqual(["import"]);
  });
});

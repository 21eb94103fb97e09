// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { NO_CRITERIA } from "../../../src/run/timeline/filter";
import { hoverText } from "../../../src/run/timeline/hover";
import { lookOf } from "../../../src/run/timeline/look";
import { TimelineModel } from "../../../src/run/timeline/model";
import { RowPool } from "../../../src/run/timeline/pool";
import { TraceStore } from "../../../src/run/timeline/store";
import { CREATED, hex, type Item, log, open, runRow, span, tracePage } from "./traces";

function modelOf(items: Item[], run = runRow(), now = CREATED + 1500): TimelineModel {
  const store = new TraceStore(run);
  store.main.state = "loading";
  store.add(tracePage(items));
  store.settle(store.main, "loaded");
  const model = new TimelineModel(store, () => now);
  model.update();
  return model;
}

const running = runRow({ status: "EXECUTING", ended: null });

describe("the keyboard's way through a timeline", () => {
  const items = [
    span("a", "a", undefined, 1, 90),
    span("b", "b", "a", 2, 50),
    log("deep", "b", 3),
    span("c", "c", undefined, 95, 5),
  ];

  it("goes into what is open, and out of it", () => {
    const model = modelOf(items);
    model.right();
    model.right();
    expect(model.store.name(model.cursor)).toBe("b");
    model.left();
    expect(model.outline.count).toBe(4);
    model.left();
    expect(model.store.name(model.cursor)).toBe("a");
    model.right();
    expect(model.index).toBe(2);
    model.right();
    expect(model.outline.count).toBe(5);
  });

  it("stays at its row while others come, and at what is around it when that is closed", () => {
    const model = modelOf(items, running);
    model.moveTo(4);
    model.store.apply(tracePage([{ ...log("early", "a", 1.5), id: 99 }], { cursor: 99 }));
    model.update();
    expect(model.index).toBe(5);
    model.moveTo(4);
    expect(model.store.message(model.cursor)).toBe("deep");
    model.outline.setLevel(1);
    expect(model.store.name(model.outline.rowAt(model.index))).toBe("a");
  });

  it("asks for the trace of a run that it opens", () => {
    const model = modelOf([span("w", "w", undefined, 1, 9)]);
    model.store.setRuns([
      runRow({ run_id: "run_b", parent_run_id: "run_a", span_id: hex("c"), parent_span_id: hex("w"), spans: 3 }),
    ]);
    model.update();
    const asked: string[] = [];
    model.onOpen = (id) => asked.push(id);
    model.moveTo(2);
    expect(model.outline.isOpen(2)).toBe(false);
    model.right();
    expect(asked).toEqual(["run_b"]);
  });

  it("finds a row that a filter hides, and ends the filter", () => {
    const model = modelOf(items);
    model.setCriteria({ ...NO_CRITERIA, text: "nothing like it" });
    expect(model.reveal(model.store.rowOfEvent(3))).toBe(3);
    expect(model.hasCriteria).toBe(false);
  });
});

describe("the axis", () => {
  it("leaves out queue time that would leave nothing else to see, until it is asked for", () => {
    const late = runRow({ started: CREATED + 900_000, ended: CREATED + 900_500, changed: CREATED + 900_500 });
    const model = modelOf([span("Attempt 1", "t", undefined, 900e9, 0.5e9)], late);
    expect(model.scale.whole.from).toBe(900e9);
    model.showsQueue = true;
    model.tick();
    expect(model.scale.whole.from).toBe(0);
  });

  it("grows with the clock while the run goes on, and ends with it", () => {
    const model = modelOf([open("work", "w", undefined, 5)], running);
    expect(model.scale.whole.to).toBe(1.5e9);
    model.store.setRun(runRow({ version: 4 }));
    model.update();
    expect(model.scale.whole.to).toBe(1e9);
  });

  it("shows a row that is fitted whole, and a log with what is around it", () => {
    const model = modelOf([span("a", "a", undefined, 100e6, 200e6), log("x", undefined, 500e6)]);
    model.fit(1);
    expect(model.scale.view.from).toBeLessThan(100e6);
    expect(model.scale.view.to).toBeGreaterThan(300e6);
    expect(model.scale.view.to).toBeLessThan(350e6);
    model.fit(2);
    expect(model.scale.time(model.scale.before + model.scale.room / 2)).toBeCloseTo(500e6, -3);
    model.fit(0);
    expect(model.scale.part).toBeNull();
  });
});

describe("what a row says", () => {
  const look = (model: TimelineModel, name: string) => {
    const { outline } = model;
    for (let index = 0; index < outline.count; index++) {
      const found = lookOf(model, index);
      if (found.title === name) return found;
    }
    throw new Error(`no row ${name}`);
  };

  it("is red where an error began, and says what it was", () => {
    const model = modelOf([
      span("outer", "o", undefined, 1, 9, { status: 2 }),
      span("GET /x", "i", "o", 2, 3, { status: 2, accessory: "ConnectError: no route" }),
    ]);
    expect([look(model, "outer").titleTone, look(model, "outer").iconTone]).toEqual(["plain", "bad"]);
    expect([look(model, "GET /x").titleTone, look(model, "GET /x").more]).toEqual(["bad", "ConnectError: no route"]);
  });

  it("counts what is in it while it is closed", () => {
    const model = modelOf([
      span("a", "a", undefined, 1, 90),
      span("b", "b", "a", 2, 50),
      log("bad", "b", 3, { level: 17 }),
      log("so so", "b", 4, { level: 13 }),
    ]);
    expect(look(model, "a").errors).toBe(0);
    model.outline.setLevel(1);
    expect([look(model, "a").errors, look(model, "a").warnings, look(model, "a").below]).toEqual([1, 1, 3]);
  });

  it("tells what runs from what was interrupted and from what was cancelled", () => {
    const items = [open("work", "w", undefined, 5), span("stopped", "s", undefined, 6, 7, { status: 3 })];
    expect(look(modelOf(items, running), "work").spoken).toBe("at 0 µs, running for 1.5 s");
    expect(look(modelOf(items), "work").more).toBe("interrupted");
    expect(look(modelOf(items), "stopped").more).toBe("canceled");
  });

  it("has one line of a log, without colours, and its source", () => {
    const model = modelOf([log("\u001b[31mred\u001b[0m\nsecond\nthird", undefined, 1, { name: "stdout" })]);
    const found = lookOf(model, 1);
    expect([found.title, found.source]).toEqual(["red  …(+2 lines)", "stdout"]);
  });

  it("says of a log without words that it has none", () => {
    expect(lookOf(modelOf([log("  ", undefined, 1)]), 1).more).toBe("no message");
  });

  it("is exact in the hover", () => {
    const model = modelOf([span("save", "s", undefined, 1_500_000, 2_345_678)]);
    expect(hoverText(model, 1)).toContain("+1.5 ms");
    expect(hoverText(model, 1)).toContain("2,345,678 ns");
  });
});

describe("the elements of rows", () => {
  const drawn = (model: TimelineModel, host: HTMLElement, pool = new RowPool(host, "r"), from = 0, stamp = 1) => {
    const { outline } = model;
    pool.draw(from, Math.min(outline.count, from + 10), from * 28, 28, stamp, (index) => ({
      index,
      depth: outline.depths[index] as number,
      isOpen: outline.canOpen(index) ? outline.isOpen(index) : null,
      isSelected: index === 2,
      isCursor: index === 1,
      look: lookOf(model, index),
      match: "img",
    }));
    return pool;
  };

  it("say their level and state, and never take data for markup", () => {
    const host = document.createElement("div");
    drawn(modelOf([span("<img src=x onerror=alert(1)>", "a", undefined, 1, 9), log("<b>bold</b>", "a", 2)]), host);
    const rows = [...host.querySelectorAll<HTMLElement>("[role=row]")];
    expect(rows.map((row) => [row.ariaLevel, row.ariaExpanded, row.ariaSelected, row.ariaRowIndex])).toEqual([
      ["1", "true", "false", "1"],
      ["2", "true", "false", "2"],
      ["3", null, "true", "3"],
    ]);
    expect(rows[1]?.querySelector(".tl-title")?.textContent).toBe("<img src=x onerror=alert(1)>");
    expect(rows[1]?.querySelector("mark")?.textContent).toBe("img");
    expect(host.querySelector("img, b")).toBeNull();
    expect(rows[1]?.querySelector(".sr-only")?.textContent).toBe("at 0 µs, took 0 µs");
  });

  it("are used again while one scrolls", () => {
    const host = document.createElement("div");
    const model = modelOf(
      Array.from({ length: 100 }, (_, index) => log(`line ${"x".repeat(index)}`, undefined, index)),
    );
    const pool = drawn(model, host);
    expect(host.childElementCount).toBe(10);
    drawn(model, host, pool, 50);
    expect(host.childElementCount).toBe(10);
    expect([...host.querySelectorAll("[role=row]")].map((row) => row.ariaRowIndex)).toContain("51");
    expect(pool.idOf(55)).not.toBe("");
    expect(pool.idOf(5)).toBe("");
  });
});

import { describe, expect, it } from "vitest";
import { Chosen, RunsList } from "../../src/runs/list";
import { page, row } from "./fixtures";

const ids = (list: RunsList) => list.rows.map((entry) => entry.run.run_id);

describe("the rows of the runs list", () => {
  it("changes rows in place, and never back to an older state", () => {
    const list = new RunsList(page([row("b", { version: 2 }), row("a")]));
    list.apply({
      rows: [row("a", { version: 3, status: "EXECUTING" }), row("b", { version: 1 })],
      gone: [],
    });
    expect(ids(list)).toEqual(["b", "a"]);
    expect(list.find("a")?.status).toBe("EXECUTING");
    expect(list.find("b")?.version).toBe(2);
    list.apply({ rows: [row("a", { version: 3, logs: 7 })], gone: [] });
    list.apply({ rows: [row("a", { version: 3, logs: 5 })], gone: [] });
    expect(list.find("a")?.logs).toBe(7);
  });

  it("holds new runs back until they are shown, newest first", () => {
    const list = new RunsList(page([row("b", { created: 20 }), row("a", { created: 10 })]));
    list.apply({ rows: [row("c", { created: 30 })], gone: [] });
    list.apply({ rows: [row("d", { created: 40 }), row("c", { created: 30, version: 2 })], gone: [] });
    expect([list.held, ids(list)]).toEqual([2, ["b", "a"]]);
    expect(list.show()).toBe(true);
    expect([list.held, ids(list)]).toEqual([0, ["d", "c", "b", "a"]]);
    expect(list.find("c")?.version).toBe(2);
  });

  it("puts an older run that matches now between the others", () => {
    const list = new RunsList(page([row("c", { created: 30 }), row("a", { created: 10 })]));
    list.apply({ rows: [row("b", { created: 20 })], gone: [] });
    expect(list.held).toBe(1);
    list.show();
    expect(ids(list)).toEqual(["c", "b", "a"]);
  });

  it("leaves a run of a later page to that page", () => {
    const list = new RunsList(page([row("c", { created: 30 })], "more"));
    list.apply({ rows: [row("a", { created: 10 })], gone: [] });
    expect(list.held).toBe(0);
    list.append(page([row("a", { created: 10 })]));
    expect(ids(list)).toEqual(["c", "a"]);
  });

  it("keeps a row that matches no longer in its place until the next look", () => {
    const list = new RunsList(page([row("b"), row("a")]));
    list.apply({ rows: [], gone: ["b", "unknown"] });
    expect(list.rows.map((entry) => entry.gone)).toEqual([true, false]);
    expect(list.stale(9)).toEqual(["b"]);
    list.refresh(["b"], [row("b", { version: 2, status: "COMPLETED" })]);
    expect([list.stale(9), list.find("b")?.status, list.goneCount]).toEqual([[], "COMPLETED", 1]);
    list.apply({ rows: [row("b", { version: 3 })], gone: [] });
    expect(list.goneCount).toBe(0);
    list.apply({ rows: [], gone: ["b"] });
    list.show();
    expect(ids(list)).toEqual(["a"]);
  });

  it("counts every new run though it does not keep them all, and then loads anew", () => {
    const list = new RunsList(page([row("a")]));
    for (let n = 0; n < 600; n++) list.apply({ rows: [row(`n${n}`, { created: 2_000 + n })], gone: [] });
    expect(list.held).toBe(600);
    expect(list.show()).toBe(false);
  });

  it("takes a run that comes with two pages once", () => {
    const list = new RunsList(page([row("b"), row("a")], "more"));
    list.append(page([row("a", { version: 2 }), row("0")]));
    expect(ids(list)).toEqual(["b", "a", "0"]);
    expect(list.find("a")?.version).toBe(2);
    expect(list.indexOf("0")).toBe(2);
  });
});

describe("what is chosen", () => {
  it("toggles single runs and everything", () => {
    const some = new Chosen().toggled("a").toggled("b").toggled("a");
    expect([...some.ids]).toEqual(["b"]);
    expect(new Chosen([], true).has("x")).toBe(true);
    expect([...new Chosen([], true).toggled("x").ids]).toEqual(["x"]);
    expect(some.toggled("b").none).toBe(true);
  });
});

import { expect, test } from "vitest";
import { LogList } from "../../../src/run/logs/list";
import { TraceStore } from "../../../src/run/timeline/store";
import { type Item, log, runRow, span, tracePage } from "../timeline/traces";

function loaded(items: Item[]): TraceStore {
  const store = new TraceStore(runRow());
  store.main.state = "loading";
  store.add(tracePage(items));
  store.settle(store.main, "loaded");
  return store;
}

const shown = (list: LogList) => Array.from(list.rows.subarray(0, list.count), (row) => list.store.message(row));

const live = (store: TraceStore, id: number, ...items: Item[]) =>
  store.apply(
    tracePage(
      items.map((item, at) => ({ ...item, id: id + at })),
      { cursor: id + items.length - 1 },
    ),
  );

test("the logs of the run are in the order of time, also those that come late", () => {
  const store = loaded([log("b", undefined, 20), span("x", "x", undefined, 1, 5), log("a", undefined, 10)]);
  const list = new LogList(store);
  list.update();
  expect(shown(list)).toEqual(["a", "b"]);
  list.settled();
  live(store, 10, log("d", undefined, 40), log("c", undefined, 30));
  list.update();
  expect(shown(list)).toEqual(["a", "b", "c", "d"]);
  expect(list.changedFrom).toBe(2);
  expect(list.nearest(31)).toBe(3);
  expect(list.nearest(1e9)).toBe(3);
});

test("level and text keep what matches, of what comes too; how many there are in all is known", () => {
  const store = loaded([
    log("all is well", undefined, 1),
    log("\x1b[31mCareful\x1b[0m", undefined, 2, { level: 13 }),
    log("it broke", undefined, 3, { level: 17, name: "stderr" }),
  ]);
  const list = new LogList(store);
  list.setCriteria({ text: "", level: 13 });
  expect(list.count).toBe(2);
  list.setCriteria({ text: "CAREFUL", level: 0 });
  expect(list.count).toBe(1);
  live(store, 10, log("no", undefined, 4), log("be careful", undefined, 5));
  list.update();
  expect([list.count, list.total]).toEqual([2, 5]);
  list.setCriteria({ text: "stderr", level: 0 });
  expect(shown(list)).toEqual(["it broke"]);
});

test("logs of runs that it triggered are theirs", () => {
  const store = new TraceStore(runRow());
  store.main.state = "loading";
  const child = { ...runRow(), run_id: "run_b", span_id: "00000000000000bb" };
  store.add(tracePage([log("mine", undefined, 1)], { children: [child], children_total: 1 }));
  store.settle(store.main, "loaded");
  store.add(tracePage([log("theirs", "00000000000000bb", 2)], { run_id: "run_b" }));
  const list = new LogList(store);
  list.update();
  expect(shown(list)).toEqual(["mine"]);
});

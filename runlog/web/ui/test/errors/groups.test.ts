import { expect, test } from "vitest";
import type { ErrorGroup } from "../../src/api/types";
import { Groups, heights, sortOf } from "../../src/errors/groups";
import { errorsRange, rangeParams } from "../../src/errors/range";

const group = (fingerprint: string, more: Partial<ErrorGroup> = {}): ErrorGroup => ({
  fingerprint,
  type: "E",
  message: "",
  kind: "run",
  count: 1,
  runs: 1,
  first: 0,
  last: 0,
  tasks: [],
  spark: [],
  newest: null,
  newest_event: null,
  ...more,
});
const order = (groups: Groups) => groups.shown.map((one) => one.fingerprint).join("");

test("numbers change in place, what is new waits, and nothing moves until one asks for it", () => {
  const groups = new Groups("count");
  groups.take([group("a", { count: 5 }), group("b", { count: 9 })]);
  expect(order(groups)).toBe("ba");
  groups.take([group("a", { count: 20 }), group("b", { count: 9 }), group("c", { count: 50 })]);
  expect(order(groups)).toBe("ba");
  expect(groups.shown[1]?.count).toBe(20);
  expect(groups.waiting.map((one) => one.fingerprint)).toEqual(["c"]);
  groups.tidy();
  expect(order(groups)).toBe("cab");
  expect(groups.waiting).toEqual([]);
});

test("what is no longer in the time stays, faded, until the next look", () => {
  const groups = new Groups("last");
  groups.take([group("a", { last: 2 }), group("b", { last: 1 })]);
  groups.take([group("b", { last: 3 })]);
  expect([order(groups), groups.gone, groups.shown[0]?.count]).toEqual(["ab", 1, 0]);
  groups.tidy();
  expect(order(groups)).toBe("b");
});

test("the order is one of those that there are", () => {
  expect([sortOf("runs"), sortOf("x"), sortOf(null)]).toEqual(["runs", "last", "last"]);
});

test("a sparkline shows that there is something, however little", () => {
  expect(heights([0, 1, 1000])).toEqual([0, 0.12, 1]);
  expect(heights([0, 0])).toEqual([0, 0]);
});

test("the time is the last week, unless the address says another; all time has to be said", () => {
  const range = (text: string) => errorsRange(new URLSearchParams(text));
  expect(range("")).toEqual({ from: "-7d", to: null });
  expect(range("from=-1h")).toEqual({ from: "-1h", to: null });
  for (const chosen of [
    { from: null, to: null },
    { from: "-7d", to: null },
    { from: null, to: "2026-01-01T00:00:00Z" },
  ]) {
    const said = Object.entries(rangeParams(chosen)).flatMap(([key, value]) => (value === null ? [] : [[key, value]]));
    expect(errorsRange(new URLSearchParams(said))).toEqual(chosen);
  }
});

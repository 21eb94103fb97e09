// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { address, navigate, params, route, routeOf, setParams, startHistory } from "../../src/state/url";

startHistory();

beforeEach(() => {
  vi.useFakeTimers();
  navigate("/runs");
});

test.each([
  ["/", { view: "runs" }],
  ["/runs", { view: "runs" }],
  ["/runs/run_1", { view: "run", id: "run_1" }],
  ["/runs/a%2Fb", { view: "run", id: "a/b" }],
  ["/runs/%zz", { view: "run", id: "%zz" }],
  ["/logs", { view: "logs" }],
  ["/errors/00ff", { view: "error", id: "00ff" }],
  ["/plugins", { view: "plugins" }],
  ["/logs/x", { view: "missing" }],
  ["/runs/a/b", { view: "missing" }],
  ["/nothing", { view: "missing" }],
])("%s", (path, expected) => {
  expect(routeOf(path)).toEqual(expected);
});

test("going somewhere is a step back and forth, adjusting is none", () => {
  const before = history.length;
  navigate("/runs/r1?tab=logs");
  expect(history.length).toBe(before + 1);
  expect(route.value).toEqual({ view: "run", id: "r1" });
  for (let step = 0; step < 500; step++) setParams({ from: String(step) }, "replace");
  expect(params.value.get("from")).toBe("499");
  expect(location.search).toBe("?tab=logs"); // written once the adjusting pauses
  vi.advanceTimersByTime(300);
  expect(location.search).toBe("?tab=logs&from=499");
  expect(history.length).toBe(before + 1);
});

test("what was adjusted is kept when one goes on", () => {
  const replace = vi.spyOn(history, "replaceState");
  setParams({ q: "dur:>2s" }, "replace");
  navigate("/logs");
  expect(replace).toHaveBeenCalledWith(null, "", "/runs?q=dur%3A%3E2s");
  expect(address.value).toBe("/logs");
});

test("an empty parameter is none", () => {
  setParams({ q: "a", tab: "logs" }, "push");
  setParams({ q: "", tab: null }, "push");
  expect(address.value).toBe("/runs");
});

test("no other origin", () => {
  navigate("https://example.org/runs/r1");
  navigate("//example.org/runs/r1");
  expect(address.value).toBe("/runs");
});

// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogsTab } from "../../../src/run/logs/LogsTab";
import { TraceStore } from "../../../src/run/timeline/store";
import { onKey } from "../../../src/state/keys";
import { selection } from "../../../src/state/selection";
import { address, navigate, setParams } from "../../../src/state/url";
import { type Item, log, runRow, tracePage } from "../timeline/traces";

let root: HTMLElement;

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(220);
  navigate("/runs/run_a?tab=logs");
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.restoreAllMocks();
});

function loaded(items: Item[], status: "EXECUTING" | "COMPLETED" = "COMPLETED"): TraceStore {
  const store = new TraceStore(runRow({ status }));
  store.main.state = "loading";
  store.add(tracePage(items));
  store.settle(store.main, "loaded");
  return store;
}

function show(store: TraceStore, isGoing = false): void {
  act(() => render(<LogsTab store={store} isGoing={isGoing} onOpen={() => undefined} />, root));
}

const lines = () => [...root.querySelectorAll(".virtual-row .log-message")].map((line) => line.textContent);
const counted = () => root.querySelector(".logs-count")?.textContent;

test("each log says when, how grave and from where; a click selects it", () => {
  show(loaded([log("hello", undefined, 2e6), log("careful", undefined, 3e6, { level: 13, name: "logging:shop.db" })]));
  const [first, second] = root.querySelectorAll<HTMLElement>(".virtual-row");
  expect(first?.textContent).toBe("+2.0 msinfologgerhello");
  expect(second?.textContent).toBe("+3.0 mswarnshop.dbcareful");
  act(() => second?.click());
  expect(selection.value).toEqual({ event: 2 });
  expect(second?.getAttribute("aria-selected")).toBe("true");
});

test("level and text are in the address, and what is left out is counted", () => {
  show(loaded([log("one", undefined, 1), log("two", undefined, 2, { level: 17 }), log("three", undefined, 3)]));
  expect(counted()).toBe("3 logs");
  act(() => setParams({ level: "error" }, "replace"));
  expect([lines(), counted()]).toEqual([["two"], "1 of 3 logs"]);
  act(() => setParams({ level: null, text: "nothing like it" }, "replace"));
  expect(root.textContent).toContain("No log matches");
  act(() => root.querySelector<HTMLButtonElement>(".state button")?.click());
  expect([counted(), address.value]).toEqual(["3 logs", "/runs/run_a?tab=logs"]);
});

test("messages of several lines are one line each, or whole on request", () => {
  show(loaded([log("first\nsecond", undefined, 1), log("next", undefined, 2)]));
  expect(lines()).toEqual(["first+1 line", "next"]);
  act(() => onKey(new KeyboardEvent("keydown", { key: "w" })));
  expect(lines()).toEqual(["first", "second", "next"]);
});

test("who looks at earlier logs of a run that goes on is told how many came", () => {
  const store = loaded([log("one", undefined, 1)], "EXECUTING");
  show(store, true);
  const come = (id: number) =>
    act(() => store.apply(tracePage([{ ...log(`${id}`, undefined, id), id }], { cursor: id })));
  come(10);
  expect(root.querySelector(".logs-new")).toBeNull();
  act(() => onKey(new KeyboardEvent("keydown", { key: "F" })));
  come(11);
  come(12);
  expect(root.querySelector(".logs-new")?.textContent).toBe("2 new");
  act(() => root.querySelector<HTMLButtonElement>(".logs-new")?.click());
  expect(root.querySelector(".logs-new")).toBeNull();
});

test("that there are none is said by whether some may come", () => {
  show(loaded([]), true);
  expect(root.textContent).toContain("Nothing logged yet");
  show(loaded([]));
  expect(root.textContent).toContain("This run logged nothing");
});

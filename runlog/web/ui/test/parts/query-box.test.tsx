// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { QueryBox } from "../../src/parts/QueryBox";
import { startKeys } from "../../src/state/keys";

startKeys();
let root: HTMLElement;
let applied: string[];
let asked: URL[];

const ITEMS = [
  { text: "status:", label: "status", detail: "state of the run" },
  { text: "started", label: "started", detail: "" },
];

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  applied = [];
  asked = [];
  vi.stubGlobal("fetch", async (path: string) => {
    const url = new URL(path, location.origin);
    asked.push(url);
    const q = url.searchParams.get("q") ?? "";
    if (url.pathname.endsWith("/complete"))
      return Response.json({ start: 0, end: q.length, items: q === "st" ? ITEMS : [] });
    const wrong = { code: "bad-query", what: "this parenthesis is not closed", why: "", fix: "", position: 0 };
    return Response.json({ error: q.startsWith("(") ? wrong : null, about_events: false });
  });
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("completions come when the typing rests; keys choose one, Enter applies the query", async () => {
  show("");
  press("/", document.body);
  expect(document.activeElement).toBe(input());
  await type("s");
  await type("st");
  expect(options()).toEqual(["status", "started"]);
  expect(asked.filter((url) => url.pathname.endsWith("/complete")).map((url) => url.searchParams.get("q"))).toEqual([
    "s",
    "st",
  ]);
  press("ArrowDown");
  expect(input().getAttribute("aria-activedescendant")).toBe(root.querySelector("[aria-selected=true]")?.id);
  press("Enter");
  expect([input().value, applied]).toEqual(["status:", []]);
  await type("status:FAILED ");
  press("Enter");
  expect(applied).toEqual(["status:FAILED"]);
});

test("Escape closes the completions, and then takes back what was not applied", async () => {
  show("task:a");
  act(() => input().focus());
  await type("st");
  press("Escape");
  expect([options(), input().value]).toEqual([[], "st"]);
  press("Escape");
  expect([input().value, applied]).toEqual(["task:a", []]);
});

test("an error is where it is, and in words", async () => {
  show("(a b");
  act(() => input().focus());
  await act(async () => void (await vi.advanceTimersByTimeAsync(200)));
  expect(root.querySelector(".query-bad")?.textContent).toBe("(");
  expect(root.querySelector(".query-problem")?.textContent).toContain("this parenthesis is not closed");
  expect(input().getAttribute("aria-invalid")).toBe("true");
});

test("what was wrong is forgotten with the query", async () => {
  show("");
  act(() => input().focus());
  await type("(a b");
  await type("(a b");
  expect(input().getAttribute("aria-invalid")).toBe("true");
  press("Escape");
  await act(async () => void (await vi.advanceTimersByTimeAsync(200)));
  expect([input().value, input().getAttribute("aria-invalid")]).toEqual(["", "false"]);
});

test("the beginning of what is offered is no error, until it is searched for", async () => {
  vi.stubGlobal("fetch", async (path: string) => {
    const wrong = { code: "bad-query", what: "'fai' is no state", why: "", fix: "", position: 7 };
    const items = [{ text: "FAILED", label: "FAILED", detail: "" }];
    return Response.json(path.includes("/complete") ? { start: 7, end: 10, items } : { error: wrong });
  });
  show("");
  act(() => input().focus());
  await type("status:fai");
  expect([options(), root.querySelector(".query-problem")]).toEqual([["FAILED"], null]);
  press("Enter");
  expect(applied).toEqual(["status:fai"]);
  show("status:fai");
  await act(async () => void (await vi.advanceTimersByTimeAsync(200)));
  expect(root.querySelector(".query-problem")?.textContent).toContain("'fai' is no state");
});

test("earlier queries are offered in the empty box", async () => {
  show("");
  act(() => input().focus());
  await type("queue:slow");
  press("Enter");
  await type("");
  expect(options()).toEqual(["queue:slow"]);
  press("ArrowDown");
  press("Enter");
  expect(applied).toEqual(["queue:slow", "queue:slow"]);
});

test("whatever is typed is text", () => {
  show('<img src=x onerror="alert(1)"> a:"<b>"');
  expect(root.querySelector(".query-colours")?.textContent).toBe('<img src=x onerror="alert(1)"> a:"<b>"');
  expect(root.querySelector("img, b")).toBeNull();
});

function show(value: string): void {
  act(() =>
    render(
      <QueryBox view="runs" value={value} onApply={(query) => applied.push(query)} label="Search" placeholder="" />,
      root,
    ),
  );
}

function input(): HTMLInputElement {
  return root.querySelector("input") as HTMLInputElement;
}

async function type(text: string): Promise<void> {
  act(() => {
    input().value = text;
    input().setSelectionRange(text.length, text.length);
    input().dispatchEvent(new Event("input", { bubbles: true }));
  });
  await act(async () => void (await vi.advanceTimersByTimeAsync(200)));
}

function press(key: string, on: HTMLElement = input()): void {
  act(() => {
    on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  });
}

function options(): (string | null | undefined)[] {
  return [...root.querySelectorAll("[role=option]")].map((one) => one.querySelector(".query-offer-label")?.textContent);
}

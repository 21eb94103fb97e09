// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../../src/api/client";
import type { EventDetail } from "../../../src/api/types";
import { Inspector, type InspectorProps } from "../../../src/run/inspector/Inspector";
import type { InspectorSource } from "../../../src/run/inspector/source";
import { onKey } from "../../../src/state/keys";
import { CONNECT_ERROR, eventDetail } from "../fixtures";
import { CREATED } from "../timeline/traces";

let root: HTMLElement;
let next = 1000;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
});

/** Each time another event, since what was read is kept. */
async function show(detail: Partial<EventDetail>, props: Partial<InspectorProps> = {}): Promise<void> {
  const id = next++;
  const source: InspectorSource = {
    event: async () => eventDetail({ ...detail, id }),
    comparison: async () => ({
      count: 1000,
      slower_than: 0.97,
      p50: 4e7,
      p95: 9e7,
      fastest: 1e7,
      slowest: 2e9,
      searched_to: null,
    }),
  };
  act(() => render(<Inspector eventId={id} origin={CREATED} source={source} {...props} />, root));
  await vi.waitFor(() => expect(root.querySelector(".inspector-head")).not.toBeNull());
}

const text = () => root.textContent ?? "";
const button = (label: string) =>
  [...root.querySelectorAll("button")].find((each) =>
    (each.getAttribute("aria-label") ?? each.textContent ?? "").includes(label),
  );

test("a log is whole: its message with its colours, its time, how it was written", async () => {
  await show({ message: "\x1b[31msyncing\x1b[0m user 7", template: "syncing user {user_id}" });
  expect(root.querySelector(".message")?.textContent).toBe("syncing user 7");
  expect(root.querySelector(".ansi-fg-1")?.textContent).toBe("syncing");
  expect(text()).toContain("written as syncing user {user_id}");
  expect(text()).toContain("+250 ms");
  expect(root.querySelector("time")?.getAttribute("datetime")).toBe("2026-11-22T13:30:24.250000000Z");
});

test("each value can be filtered for and out; one that no query finds can only be copied", async () => {
  const onFilter = vi.fn();
  await show(
    {
      attributes: [
        ["user.id", 7],
        ["body", { nested: ["[redacted:api-key]"] }],
      ],
      terms: ["user.id:7", null],
      truncated: [["body", 90_000]],
    },
    { filters: { onFilter } },
  );
  button("Only with user.id:7")?.click();
  button("Without user.id:7")?.click();
  expect(onFilter.mock.calls).toEqual([
    ["user.id:7", false],
    ["user.id:7", true],
  ]);
  expect(root.querySelectorAll("[aria-label^='Only with']")).toHaveLength(1);
  expect(button("Copy the value of body")).toBeDefined();
  expect(text()).toContain("cut: it had 90,000 characters");
  expect(root.querySelector("mark")?.title).toContain("api-key");
});

test("a failed call: the exception with its cause, own code in sight, libraries folded until asked for", async () => {
  await show({
    kind: "span",
    name: "HTTP POST /charge",
    status: "error",
    duration: 8.9e7,
    end_text: "2026-11-22T13:30:24.339000000Z",
    exception: CONNECT_ERROR,
    attributes: [
      ["http.request.method", "POST"],
      ["url.full", "http://127.0.0.1:9/charge"],
    ],
    terms: [null, null],
  });
  expect(root.querySelector(".frame-first")?.textContent).toContain("tasks.py:74 in charge_card");
  expect(text()).not.toContain("_transports/default.py");
  act(() => button("2 frames of httpx")?.click());
  expect(text()).toContain("httpx/_transports/default.py:74");
  expect(text()).toContain("caused by");
  expect(text()).toContain("[Errno 111] refused");
  expect(root.querySelector(".http")?.textContent).toContain("POSThttp://127.0.0.1:9/charge");
  expect(root.querySelector(".http")?.textContent).toContain("no answer");
  await vi.waitFor(() => expect(text()).toContain("slower than 97 % of the last 1,000 of its kind"));
});

test("SQL is laid out, and as it was sent when asked", async () => {
  const sql = "SELECT id FROM users WHERE id = ?";
  await show({ kind: "span", name: "SELECT users", attributes: [["db.query.text", sql]], terms: [null], duration: 5 });
  expect(root.querySelector(".code")?.textContent).toBe("SELECT id\nFROM users\nWHERE id = ?\n");
  act(() => button("as sent")?.click());
  expect(root.querySelector(".code")?.textContent).toBe(sql);
});

test("links lead to their run, or to the span where it is in this one", async () => {
  const onSpan = vi.fn();
  const link = { trace_id: "t", span_id: "00000000000000dd", attributes: [], task: "nightly" };
  await show(
    {
      links: [
        { ...link, run_id: "run_other" },
        { ...link, run_id: "run_a" },
        { ...link, run_id: null, task: null },
      ],
    },
    { runId: "run_a", onSpan },
  );
  expect(root.querySelector("a.run-link")?.getAttribute("href")).toBe("/runs/run_other?span=00000000000000dd");
  button("a span of this run")?.click();
  expect(onSpan).toHaveBeenCalledWith("00000000000000dd");
  expect(text()).toContain("not in this log");
});

test("what cannot be read says why and is tried again; Escape closes", async () => {
  const onClose = vi.fn();
  let tries = 0;
  const source: InspectorSource = {
    event: async (id) => {
      tries++;
      if (tries === 1) throw new ApiError(503, { code: "busy", what: "Too many are reading", why: "of the log" });
      return eventDetail({ id });
    },
    comparison: async () => null,
  };
  act(() => render(<Inspector eventId={next++} source={source} onClose={onClose} />, root));
  await vi.waitFor(() => expect(text()).toContain("Too many are reading"));
  act(() => button("Try again")?.click());
  await vi.waitFor(() => expect(text()).toContain("syncing user 7"));
  act(() => onKey(new KeyboardEvent("keydown", { key: "Escape" })));
  expect(onClose).toHaveBeenCalledOnce();
});

// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunDetail } from "../../src/api/types";
import { Header } from "../../src/run/Header";
import { TraceLoader } from "../../src/run/timeline/load";
import { TraceStore } from "../../src/run/timeline/store";
import { onKey } from "../../src/state/keys";
import { selection } from "../../src/state/selection";
import { address, navigate } from "../../src/state/url";
import { CONNECT_ERROR, runDetail } from "./fixtures";
import { runRow } from "./timeline/traces";

vi.mock("../../src/actions/RunActions", () => ({ RunActions: () => null }));

let root: HTMLElement;

beforeEach(() => {
  navigate("/runs/run_a?tab=logs&level=error&text=x");
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
});

function show(detail: RunDetail): void {
  const store = new TraceStore(detail.run);
  act(() => render(<Header shown={{ detail, store, loader: new TraceLoader(store) }} />, root));
}

const button = (text: string) => [...root.querySelectorAll("button")].find((each) => each.textContent?.includes(text));

const failed = runDetail({
  run: runRow({
    status: "FAILED",
    attempt: 2,
    tags: ["demo"],
    error: { type: "httpx.ConnectError", message: "All connection attempts failed" },
  }),
  headline: [
    { text: "FAILED", style: "bad" },
    { text: " on attempt 2 of 2 after 508 ms", style: "" },
    { text: ": ConnectError in HTTP POST /charge", style: "message" },
  ],
  exception: CONNECT_ERROR,
  cause: { run_id: "run_a", event_id: 5, span_id: "00000000000000cc", name: "HTTP POST /charge", path: [] },
  previous: { run_id: "run_before", task: "import", status: "COMPLETED" },
});

test("a failed run says what happened and where in one's own code, without a click", () => {
  show(failed);
  expect(root.querySelector(".run-sentence")?.textContent).toBe(
    "Failed on attempt 2 of 2 after 508 ms: ConnectError in HTTP POST /charge",
  );
  const cause = root.querySelector(".cause")?.textContent;
  expect(cause).toContain("ConnectError");
  expect(cause).toContain("All connection attempts failed");
  expect(cause).toContain("tasks.py:74 in charge_card await client.post(url)");
});

test("the jump selects the deepest failing span in an unfiltered timeline", () => {
  show(failed);
  act(() => button("Jump to ConnectError in HTTP POST /charge")?.click());
  expect(selection.value).toEqual({ span: "00000000000000cc" });
  expect(address.value).toBe("/runs/run_a?text=x&span=00000000000000cc");
});

test("a cause in a run below leads there", () => {
  show({ ...failed, cause: { ...(failed.cause as NonNullable<RunDetail["cause"]>), run_id: "run_child" } });
  act(() => button("Jump to")?.click());
  expect(address.value).toBe("/runs/run_child?span=00000000000000cc");
});

test("queue and work are told apart; what the run has to do with others is linked", () => {
  show({ ...failed, parent: { run_id: "run_up", task: "nightly", status: "WAITING" }, children: 3 });
  const facts = root.querySelector(".run-facts")?.textContent ?? "";
  expect(facts).toContain("queued100 ms");
  expect(facts).toContain("ran900 ms");
  expect(facts).toContain("3 child runs");
  const links = [...root.querySelectorAll("a")].map((link) => link.getAttribute("href"));
  expect(links).toEqual(expect.arrayContaining(["/runs/run_up", "/runs?q=tag%3Ademo", "/runs?q=queue%3Adefault"]));
});

test("[ goes to the run of this task before; where there is none after, ] does nothing", () => {
  show(failed);
  act(() => onKey(new KeyboardEvent("keydown", { key: "]" })));
  expect(address.value).toContain("/runs/run_a");
  act(() => onKey(new KeyboardEvent("keydown", { key: "[" })));
  expect(address.value).toBe("/runs/run_before");
});

test("a run that went well has no cause, whatever it logged", () => {
  show(runDetail());
  expect(root.querySelector(".cause")).toBeNull();
  expect(root.querySelector(".run-sentence")?.textContent).toBe("Completed after 900 ms");
});

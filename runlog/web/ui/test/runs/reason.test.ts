import { expect, test } from "vitest";
import { detailOf } from "../../src/runs/reason";
import { row } from "./fixtures";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const at = (more: Parameters<typeof row>[1]) => detailOf(row("a", more), NOW)?.text;

test("why a run does not execute, in the viewer's time", () => {
  const later = { cause: "delayed", reason: "delayed until 2026-11-22 15:05:00 XYZ", available: NOW + 5 * 60_000 };
  expect(at({ status: "DELAYED", ...later })).toMatch(/^delayed until \d\d:05:00$/);
  const again = { cause: "retry", reason: "attempt 1 of 3 failed; the next one at 2026-11-22 15:05:00 XYZ" };
  expect(at({ status: "DELAYED", ...again, available: NOW + 9_000 })).toBe("attempt 1 of 3 failed; next try in 9 s");
  expect(at({ status: "DELAYED", ...again, available: NOW - 9_000 })).toBe(
    "attempt 1 of 3 failed; tries again as soon as a worker is free",
  );
  expect(at({ status: "WAITING", cause: "run", reason: "waits for 2 runs" })).toBe("waits for 2 runs");
  const until = { cause: "until", reason: "waits until 2026-11-22 15:05:00 XYZ" };
  const times: [string, number][] = [["2026-11-22 15:05:00 XYZ", NOW + 5 * 60_000]];
  expect(at({ status: "WAITING", ...until, times })).toMatch(/^waits until \d\d:05:00$/);
  expect(at({ status: "PENDING_VERSION" })).toBe("no worker knows its task");
});

test("what became of a run that has ended", () => {
  const error = { type: "httpx.ConnectError", message: "refused" };
  expect(detailOf(row("a", { status: "FAILED", ended: NOW, error, reason: "(attempt 3 of 3)" }), NOW)).toEqual({
    type: "httpx.ConnectError",
    text: "refused",
  });
  const crash = { type: "Crashed", message: "its worker died" };
  expect(detailOf(row("a", { status: "CRASHED", ended: NOW, error: crash }), NOW)?.type).toBe("");
  expect(at({ status: "CANCELED", ended: NOW, reason: "canceled by its parent" })).toBe("canceled by its parent");
  expect(at({ status: "COMPLETED", ended: NOW })).toBeUndefined();
});

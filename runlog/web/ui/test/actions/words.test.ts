import { expect, test } from "vitest";
import { actWords, cancelWords, openOnly, resultWords, wholeQuery, whyNot } from "../../src/actions/words";
import type { RunDetail, Session } from "../../src/api/types";
import { row } from "../runs/fixtures";

const detail = (more: Partial<RunDetail["run"]>, children = 0) => ({ run: row("r", more), children });

test("a cancel says whether anything executes the run", () => {
  const queued = cancelWords(detail({ status: "QUEUED", attempt: 0 }))[0];
  expect(queued).toContain("No worker executes it: it is queued. Nothing of it was executed");
  expect(cancelWords(detail({ status: "DELAYED", attempt: 2 }))[0]).toContain("Its attempt 2 is over");
  const running = cancelWords(detail({ status: "EXECUTING", attempt: 1, worker: "w-7" }, 3));
  expect(running[0]).toContain("Worker w-7 executes it now (attempt 1)");
  expect(running[1]).toContain("canceled with it");
  expect(cancelWords(detail({ status: "WAITING" }))[0]).toContain("It waits");
});

test("who may not act is told why", () => {
  const session = (more: Partial<Session>) => ({ can_operate: false, scope: "operate", ...more }) as Session;
  expect(whyNot(session({ can_operate: true }))).toBeNull();
  expect(whyNot(session({ scope: "view" }))).toContain("scope is view");
  expect(whyNot(session({}))).toContain("no queue");
});

test("all that match is what was typed, within the time that is shown, as of now", () => {
  const now = Date.parse("2026-11-22T15:00:00Z");
  const all = { from: null, to: null };
  expect(wholeQuery("", all, now)).toBe("run:*");
  expect(wholeQuery("status:FAILED OR task:x", { from: "-1h", to: null }, now)).toBe(
    "(status:FAILED OR task:x) run.created:>=2026-11-22T14:00:00.000Z",
  );
  expect(wholeQuery("task:x", { from: null, to: "2026-11-22T15:00:00Z" }, now)).toBe(
    "task:x run.created:<2026-11-22T15:00:00.000Z",
  );
  expect(openOnly("status:QUEUED OR x")).toMatch(/^\(status:QUEUED OR x\) -status:\(COMPLETED OR /);
});

test("numbers are in the words", () => {
  expect(actWords("cancel", 12044)).toBe("Cancel 12,044 runs");
  expect(resultWords("cancel", { matched: 5, changed: 3, refused_total: 0 })).toBe("3 runs canceled, 2 had ended");
  expect(resultWords("replay", { matched: 3, changed: 1, refused_total: 2 })).toBe("1 run replayed, 2 refused");
});

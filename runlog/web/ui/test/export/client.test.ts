import { expect, test } from "vitest";
import type { EventDetail, ExportedRun, ExportedTrace, RunDetail, TracePage } from "../../src/api/types";
import { answer } from "../../src/export/client";
import { Embedded } from "../../src/export/embedded";
import { row } from "../runs/fixtures";

const link = (run_id: string) => ({ run_id, task: "t", status: "FAILED" as const });
const page = (cursor: number, more: boolean) => ({ run_id: "r1", cursor, more, remaining: 7, children: [row("r2")] });

function trace(id: string, pages: Partial<TracePage>[]): ExportedTrace {
  const detail = { run: row(id), previous: link("elsewhere"), next: link("r2") } as unknown as RunDetail;
  return { detail, context: {}, pages } as unknown as ExportedTrace;
}

const file = new Embedded({
  exported: 5,
  runs: [trace("r1", [page(10, true), page(20, true)]), trace("r2", [page(3, false)])],
  events: [{ id: 4, name: "run()" } as EventDetail],
} as unknown as ExportedRun);

test("what the views ask the API for is answered from the file", () => {
  expect(answer(file, "/api/events/4", {})).toMatchObject({ name: "run()" });
  expect(answer(file, "/api/runs/r1/children", {})).toMatchObject({ items: [{ run_id: "r2" }], cursor: null });
  expect(answer(file, "/api/runs/r1", {})).toMatchObject({ previous: null, next: { run_id: "r2" } });
});

test("pages follow one another, and the last is the last", () => {
  expect(answer(file, "/api/runs/r1/trace", { after: 0 })).toMatchObject({ cursor: 10, more: true });
  expect(answer(file, "/api/runs/r1/trace", { after: 10 })).toMatchObject({ cursor: 20, more: false, remaining: 0 });
  expect(() => answer(file, "/api/runs/r1/trace", { after: 20 })).toThrow("No more rows");
});

test.each([
  ["/api/events/5", "details of this row"],
  ["/api/events/4/comparison", "not in this file"],
  ["/api/runs/r3", "This run is not in this file"],
  ["/api/runs/r1/matches", "look for a text"],
  ["/api/runs/r1/data", "not in this file"],
])("%s is not in the file, and that is said", (path, said) => {
  expect(() => answer(file, path, {})).toThrow(said);
});

import { expect, test } from "vitest";
import { Bulk, type Server, type Target } from "../../src/actions/bulk";
import { ApiError } from "../../src/api/client";
import type { BulkResult } from "../../src/api/types";

const result = (more: Partial<BulkResult>): BulkResult => ({
  matched: 0,
  changed: 0,
  run_ids: [],
  refused: [],
  refused_total: 0,
  left: 0,
  next: null,
  ...more,
});

interface Sent {
  path: string;
  body: { next?: string; run_ids?: string[]; query?: string; expected?: number; reason?: string };
}

/** A server that answers in turn. */
function bulk(target: Partial<Target>, answers: (BulkResult | Error)[], count = 3) {
  const sent: Sent[] = [];
  const asked: unknown[] = [];
  const server = {
    get: async (_path: string, params: unknown) => {
      asked.push(params);
      return { count, searched_to: null };
    },
    post: async (path: string, body: Sent["body"]) => {
      sent.push({ path, body });
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as Server;
  return { bulk: new Bulk({ act: "cancel", runIds: null, query: "task:x", ...target }, server), sent, asked };
}

const conflict = (now: number) => new ApiError(409, { code: "conflict", what: "others", count: now });

test("all that match are changed only if they are as many as was confirmed", async () => {
  const { bulk: all, sent, asked } = bulk({}, [conflict(4), result({ matched: 4, changed: 4 })]);
  await all.count();
  expect(asked).toEqual([{ q: expect.stringContaining("task:x -status:(COMPLETED OR") }]);
  expect(all.state.value).toEqual({ step: "ready", runs: 3, changed: false, searchedTo: null });
  await all.start("too many");
  expect(all.state.value).toEqual({ step: "ready", runs: 4, changed: true, searchedTo: null });
  await all.start("too many");
  expect(sent.map((one) => one.body)).toEqual([
    { query: "task:x", expected: 3, reason: "too many" },
    { query: "task:x", expected: 4, reason: "too many" },
  ]);
  expect(all.state.value).toMatchObject({ step: "done", result: { changed: 4 } });
});

test("all that match are changed as the server comes along, until they are done or it is stopped", async () => {
  const parts = () => [
    result({ matched: 2, changed: 2, left: 1, next: "n1" }),
    result({ matched: 1, changed: 1, run_ids: ["new"] }),
  ];
  const { bulk: all, sent } = bulk({}, parts());
  await all.count();
  const seen: unknown[] = [];
  all.state.subscribe((state) => seen.push(state.step === "working" ? `${state.done} of ${state.of}` : state.step));
  await all.start("wrong");
  expect(seen).toEqual(["ready", "0 of 3", "2 of 3", "done"]);
  expect(sent.map((one) => one.body)).toEqual([
    { query: "task:x", expected: 3, reason: "wrong" },
    { next: "n1", reason: "wrong" },
  ]);
  expect(all.state.value).toMatchObject({ result: { matched: 3, changed: 3, run_ids: ["new"] } });

  const stopped = bulk({}, parts());
  await stopped.bulk.count();
  stopped.bulk.state.subscribe((state) => state.step === "working" && state.done === 2 && stopped.bulk.stop());
  await stopped.bulk.start("");
  expect(stopped.sent).toHaveLength(2);

  const left = bulk({}, parts());
  await left.bulk.count();
  left.bulk.state.subscribe((state) => state.step === "working" && left.bulk.stop());
  await left.bulk.start("");
  expect(left.bulk.state.value).toMatchObject({ step: "done", result: { matched: 2, changed: 2 } });
});

test("chosen runs are changed in portions, and what came of each is added up", async () => {
  const runIds = Array.from({ length: 450 }, (_, at) => `run_${at}`);
  const part = (changed: number, refused: [string, string][] = []) =>
    result({ matched: 200, changed, refused, refused_total: refused.length, run_ids: ["new"] });
  const answers = [part(200), part(199, [["run_7", "no longer whole"]]), result({ matched: 50, changed: 50 })];
  const { bulk: some, sent } = bulk({ act: "replay", runIds }, answers);
  await some.count();
  const seen: unknown[] = [];
  some.state.subscribe((state) => seen.push(state.step === "working" ? `${state.done} of ${state.of}` : state.step));
  await some.start("");
  expect(seen).toEqual(["ready", "0 of 450", "200 of 450", "400 of 450", "done"]);
  expect(sent.map((one) => one.body.run_ids?.length)).toEqual([200, 200, 50]);
  expect(sent[0]?.path).toBe("/api/runs/replay");
  expect(some.state.value).toMatchObject({ result: { matched: 450, changed: 449, refused_total: 1 } });
});

test("what fails on the way says how far it came, and the rest can be left", async () => {
  const runIds = Array.from({ length: 600 }, (_, at) => `run_${at}`);
  const broken = bulk({ runIds }, [
    result({ matched: 200, changed: 150 }),
    new ApiError(0, { code: "x", what: "gone" }),
  ]);
  await broken.bulk.count();
  await broken.bulk.start("");
  expect(broken.bulk.state.value).toMatchObject({ step: "failed", done: 150 });

  const stopped = bulk({ runIds }, [result({ matched: 200, changed: 200 })]);
  await stopped.bulk.count();
  stopped.bulk.state.subscribe((state) => state.step === "working" && stopped.bulk.stop());
  await stopped.bulk.start("");
  expect(stopped.bulk.state.value).toMatchObject({ step: "done", result: { changed: 200 } });
});

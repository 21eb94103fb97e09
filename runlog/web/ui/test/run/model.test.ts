// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../src/api/client";
import type { LiveHandlers } from "../../src/api/live";
import type { RunDetail, RunRow } from "../../src/api/types";
import { RunModel, type RunSource } from "../../src/run/model";
import { TraceLoader } from "../../src/run/timeline/load";
import { runDetail } from "./fixtures";
import { log, runRow, tracePage } from "./timeline/traces";

const going = (changes: Partial<RunRow> = {}) => runRow({ status: "EXECUTING", ended: null, version: 3, ...changes });

let handlers: LiveHandlers;
let positions: string[];
let closed: number;
let answer: () => RunDetail;
let asked: number;
let pages: number[];

const source: RunSource = {
  detail: async () => {
    asked++;
    return answer();
  },
  live: (_params, position, given) => {
    positions.push(position);
    handlers = given;
    return { close: () => void closed++, position: () => position };
  },
  loader: (store) =>
    new TraceLoader(store, {
      page: async (_run, after) => {
        pages.push(after);
        return tracePage([log("first", undefined, 1)]);
      },
      children: async () => ({ items: [], cursor: null, searched_to: null, position: "10.3" }),
      event: () => Promise.reject(new Error("not asked for")),
    }),
};

beforeEach(() => {
  vi.useFakeTimers();
  [positions, pages, closed, asked] = [[], [], 0, 0];
  answer = () => runDetail({ run: going() });
});

afterEach(() => {
  vi.useRealTimers();
});

async function opened(): Promise<RunModel> {
  const model = new RunModel("run_a", source);
  await model.load();
  await vi.advanceTimersByTimeAsync(0);
  return model;
}

test("the stream goes on where the answer ended, and its rows and states are shown", async () => {
  const model = await opened();
  expect(positions).toEqual(["10.3"]);
  handlers.trace?.(tracePage([{ ...log("second", undefined, 2), id: 9 }], { cursor: 9 }));
  const store = model.shown.value?.store;
  expect(store?.message(store.rowOfEvent(9))).toBe("second");
  handlers.run?.({ run: going({ version: 4, status: "WAITING" }), headline: [{ text: "new", style: "" }] });
  expect(model.shown.value?.detail.run.status).toBe("WAITING");
  expect(model.shown.value?.detail.headline[0]?.text).toBe("new");
  handlers.run?.({ run: going({ version: 2 }), headline: [] });
  expect(model.shown.value?.detail.run.status).toBe("WAITING"); // an older one changes nothing
  model.close();
  expect(closed).toBe(1);
});

test("when the run ends everything about it is read again: its result and its cause are not in the stream", async () => {
  const model = await opened();
  answer = () => runDetail({ run: runRow({ version: 5 }), output: { ok: true } });
  handlers.run?.({ run: runRow({ version: 5 }), headline: [] });
  expect(model.shown.value?.detail.run.status).toBe("COMPLETED");
  await vi.advanceTimersByTimeAsync(0);
  expect(model.shown.value?.detail.output).toEqual({ ok: true });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(2);
});

test("a run that stands still is looked at again, and not once the page is left", async () => {
  const model = await opened();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toBe(2);
  model.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(2);
});

test("a stream that cannot go on reads the run anew; one that left something out reads that", async () => {
  const model = await opened();
  const before = model.shown.value?.store;
  handlers.skip?.({ count: 5 });
  expect(pages).toEqual([0, 1]);
  expect(model.shown.value?.store).toBe(before);
  handlers.reset?.({});
  await vi.advanceTimersByTimeAsync(0);
  expect(model.shown.value?.store).not.toBe(before);
  expect(positions).toHaveLength(2);
});

test("a run that is not there is an error that can be tried again", async () => {
  const error = new ApiError(404, { code: "not-found", what: "no run" });
  answer = () => {
    throw error;
  };
  const model = await opened();
  expect(model.error.value).toBe(error);
  answer = () => runDetail();
  await model.load();
  expect([model.error.value, model.shown.value?.detail.run.run_id]).toEqual([null, "run_a"]);
});

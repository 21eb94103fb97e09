// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, type Params } from "../../src/api/client";
import type { LiveHandlers } from "../../src/api/live";
import type { LogsPage } from "../../src/api/types";
import { LogsView } from "../../src/logs/view";
import type { Source } from "../../src/state/search";
import { line, page } from "./fixtures";

const said = vi.hoisted(() => [] as string[]);
vi.mock("../../src/parts/toast", () => ({ toast: (text: string) => said.push(text) }));

let view: LogsView;
let handlers: LiveHandlers;
let streamed: Record<string, string>[];
let around: LogsPage | Error;
let asked: Params[];
let askedAround: Params[];

const source: Source = {
  get: (<T>(path: string, given: Params = {}): Promise<T> => {
    (path.endsWith("/around") ? askedAround : asked).push(given);
    if (path.endsWith("/around"))
      return around instanceof Error ? Promise.reject(around) : Promise.resolve(around as T);
    const histogram = { start: 0, end: 1, width: 1, buckets: [], total: 3, searched_to: null, own: 0 };
    return Promise.resolve((path.endsWith("/histogram") ? histogram : page([3, 2, 1])) as T);
  }) as Source["get"],
  openLive: (params, position, given) => {
    streamed.push({ ...params, position });
    handlers = given;
    return { close: () => undefined, position: () => position };
  },
};

const ids = () => view.list.lines.map((one) => ("log" in one ? one.log.id : `gap ${one.gap}`));
const come = (...some: number[]) => handlers.logs?.({ items: some.map((id) => line(id)) });

beforeEach(async () => {
  vi.useFakeTimers();
  streamed = [];
  askedAround = [];
  asked = [];
  view = new LogsView(source);
  view.want({ q: "level:error", range: { from: null, to: null }, columns: "" });
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  view.pause();
  vi.useRealTimers();
});

test("new lines come in while their end is in sight, and wait otherwise", () => {
  expect(streamed).toEqual([{ view: "logs", q: "level:error", position: "7.7" }]);
  come(4);
  expect(ids()).toEqual([4, 3, 2, 1]);
  view.moved(false);
  come(5, 6);
  expect([view.list.held, ids()]).toEqual([2, [4, 3, 2, 1]]);
  view.moved(true);
  expect(ids()).toEqual([6, 5, 4, 3, 2, 1]);
});

test("runlog's own lines are asked for in the list, the counts and the stream", async () => {
  view.want({ q: "", range: { from: null, to: null }, columns: "", own: true });
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.slice(-2).map((params) => params.own)).toEqual([1, 1]);
  expect(streamed.at(-1)).toEqual({ view: "logs", own: "1", position: "7.7" });
});

test("a pause holds them back until one goes on", () => {
  view.pauseOrGoOn();
  come(4);
  view.moved(false);
  view.moved(true);
  expect(view.list.held).toBe(1);
  view.pauseOrGoOn();
  expect([view.paused.value, ids()]).toEqual([false, [4, 3, 2, 1]]);
});

test("lines that came too fast are counted where they are missing", () => {
  handlers.skip?.({ count: 7_000 });
  come(9_000);
  expect(ids()).toEqual([9_000, "gap 7000", 3, 2, 1]);
});

test("the lines around one open and close; what fails is said", async () => {
  around = page([1, 1.5, 2, 2.5]);
  await view.toggleAround(line(2), false);
  expect(askedAround).toEqual([{ event: 2, before: 10, after: 10, run: "run_1" }]);
  expect(ids()).toEqual([3, 2.5, 2, 1.5, 1]);
  await view.toggleAround(line(2), false);
  expect(ids()).toEqual([3, 2, 1]);
  around = page([2]);
  await view.toggleAround(line(2), false);
  expect([view.list.isOpen(2), said.at(-1)]).toEqual([false, expect.stringContaining("no other lines")]);
  around = new ApiError(404, { code: "not-found", what: "there is no such line any more" });
  await view.toggleAround(line(2), true);
  expect(askedAround.at(-1)?.run).toBeUndefined();
  expect((view.aroundFailure.value as ApiError).problem.what).toBe("there is no such line any more");
});

// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../src/api/client";
import type { LiveHandlers } from "../../src/api/live";
import type { Facet, RunRow, RunsDelta, RunsPage } from "../../src/api/types";
import { ALL } from "../../src/format/range";
import { RunsView } from "../../src/runs/view";
import type { Source, Wanted } from "../../src/state/search";
import { page, row } from "./fixtures";

/** A server that the test plays. */
class Server implements Source {
  asked: string[] = [];
  pages: (RunsPage | Error)[] = [];
  facets: Facet[] = [];
  streams: { params: Record<string, string>; position: string; open: boolean; handlers: LiveHandlers }[] = [];

  get = (<T>(path: string, params: Record<string, unknown> = {}, signal?: AbortSignal): Promise<T> => {
    this.asked.push(path + (params.cursor ? ` ${params.cursor}` : ""));
    if (path === "/api/runs") {
      const next = this.pages.shift() ?? page([]);
      if (next instanceof Error) return Promise.reject(next);
      return Promise.resolve(next as T).then((answer) => {
        if (signal?.aborted) throw new DOMException("aborted", "AbortError");
        return answer;
      });
    }
    const answers: Record<string, unknown> = {
      "/api/runs/count": { count: 7, searched_to: null },
      "/api/runs/histogram": { start: 0, end: 1, width: 1, buckets: [], total: 0, searched_to: null },
      "/api/runs/facets": { facets: this.facets },
    };
    return Promise.resolve(answers[path] as T);
  }) as Source["get"];

  openLive: Source["openLive"] = (params, position, handlers) => {
    const stream = { params, position, handlers, open: true };
    this.streams.push(stream);
    return {
      close: () => {
        stream.open = false;
      },
      position: () => "9.9",
    };
  };

  send(delta: Partial<RunsDelta>): void {
    this.streams.at(-1)?.handlers.runs?.({ rows: [], gone: [], ...delta });
  }
}

const wanted = (more: Partial<Wanted> = {}): Wanted => ({ q: "", range: ALL, columns: "", ...more });
const times = (path: string) => server.asked.filter((one) => one === path).length;
const ids = () => view.list.rows.map((entry) => entry.run.run_id);
const fresh = (id: string, created: number): Partial<RunsDelta> => ({ rows: [row(id, { created })] });
let server: Server;
let view: RunsView;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  view = new RunsView(server);
});

afterEach(() => {
  view.pause();
  vi.useRealTimers();
});

async function loaded(rows: RunRow[], more: Partial<Wanted> = {}): Promise<void> {
  server.pages = [{ ...page(rows), position: "5.3" }];
  view.want(wanted(more));
  await vi.advanceTimersByTimeAsync(0);
}

test("the stream goes on exactly where the page ends, with the same query", async () => {
  await loaded([row("a")], { q: "status:FAILED", columns: "payload.x" });
  expect(view.state.value).toBe("ready");
  expect(server.streams.map((stream) => [stream.position, stream.params])).toEqual([
    ["5.3", { view: "runs", q: "status:FAILED", columns: "payload.x" }],
  ]);
  expect(view.count.value?.count).toBe(7);
});

test("new runs come in at the top while nothing is chosen, and wait otherwise", async () => {
  await loaded([row("a", { created: 10 })]);
  server.send(fresh("b", 20));
  expect(ids()).toEqual(["b", "a"]);
  view.atTop = false;
  server.send(fresh("c", 30));
  expect([view.list.held, ids()]).toEqual([1, ["b", "a"]]);
  view.atTop = true;
  view.chosen.value = view.chosen.value.toggled("a");
  server.send(fresh("d", 40));
  expect(view.list.held).toBe(2);
  view.show();
  expect(ids()).toEqual(["d", "c", "b", "a"]);
});

test("runs outside of the range that is shown do not come in", async () => {
  await loaded([row("a", { created: 1_500 })], { range: { from: null, to: "1970-01-01T00:00:02.000Z" } });
  server.send(fresh("late", 2_000));
  server.send({ rows: [row("a", { created: 1_500, version: 2, status: "EXECUTING" })] });
  expect([view.list.held, ids()]).toEqual([0, ["a"]]);
  expect(view.list.find("a")?.status).toBe("EXECUTING");
});

test("counts follow what comes in, but not at each step", async () => {
  await loaded([row("a")]);
  expect(times("/api/runs/count")).toBe(1);
  for (let n = 0; n < 20; n++) server.send(fresh(`n${n}`, 100 + n));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(times("/api/runs/count")).toBe(2);
  expect(times("/api/runs/facets")).toBe(2);
});

test("a row that matches no longer stays, and says what became of it", async () => {
  await loaded([row("a", { status: "EXECUTING" })], { q: "status:EXECUTING" });
  server.pages = [page([row("a", { version: 2, status: "COMPLETED" })])];
  server.send({ gone: ["a"] });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(view.list.rows).toEqual([{ run: row("a", { version: 2, status: "COMPLETED" }), gone: true }]);
});

test("values of a key stay to be chosen when one of them is", async () => {
  const value = (name: string, count: number) => ({ value: name, count, term: `task:${name}` });
  const facet = { key: "task", more: false, counted: 5, searched_to: null };
  server.facets = [{ ...facet, values: [value("a", 3), value("b", 2)] }];
  await loaded([row("1")]);
  server.facets = [{ ...facet, values: [value("b", 2)] }];
  await loaded([row("2")], { q: "task:b" });
  expect(view.facets.value?.[0]?.values).toEqual([value("b", 2), value("a", 0)]);
});

test("another query drops what was shown and its stream", async () => {
  await loaded([row("a")]);
  view.chosen.value = view.chosen.value.toggled("a");
  await loaded([row("b")], { q: "task:b" });
  expect([ids(), view.chosen.value.none]).toEqual([["b"], true]);
  expect(server.streams.map((stream) => stream.open)).toEqual([false, true]);
});

test("coming back shows what was there, and goes on where it was left", async () => {
  await loaded([row("a")]);
  view.pause();
  view.want(wanted());
  expect(ids()).toEqual(["a"]);
  expect(server.streams.at(-1)?.position).toBe("9.9");
  expect(times("/api/runs")).toBe(1);
});

test("a stream that fell behind loads anew, but not under the reader's hand", async () => {
  await loaded([row("a")]);
  server.pages = [page([row("z")])];
  server.streams.at(-1)?.handlers.skip?.({ count: 9_000 });
  await vi.advanceTimersByTimeAsync(0);
  expect(ids()).toEqual(["z"]);
  view.atTop = false;
  server.streams.at(-1)?.handlers.skip?.({ count: 9_000 });
  await vi.advanceTimersByTimeAsync(0);
  expect([view.list.missed, ids()]).toEqual([true, ["z"]]);
  server.pages = [page([row("y")])];
  view.show();
  await vi.advanceTimersByTimeAsync(0);
  expect([view.list.missed, ids()]).toEqual([false, ["y"]]);
});

test("a search without an index goes on by itself until there is something, and then on request", async () => {
  const bit = (rows: RunRow[], cursor: string | null) => ({ ...page(rows, cursor), searched_to: 1_000 });
  server.pages = [
    bit([], "1"),
    bit([], "2"),
    bit(
      Array.from({ length: 40 }, (_, n) => row(`r${n}`)),
      "3",
    ),
    bit([row("last")], null),
  ];
  view.want(wanted({ q: "slow" }));
  await vi.advanceTimersByTimeAsync(0);
  expect(ids()).toHaveLength(40);
  expect(view.searching.value).toBe(false);
  await view.more();
  expect(ids().at(-1)).toBe("last");
  expect(view.list.cursor).toBeNull();
});

test("before anything is recorded it waits for the first run", async () => {
  server.pages = [new ApiError(404, { code: "no-log", what: "nothing is recorded yet" })];
  view.want(wanted());
  await vi.advanceTimersByTimeAsync(0);
  expect([view.state.value, server.streams.at(-1)?.position]).toEqual(["ready", "0.0"]);
  server.send(fresh("first", 1));
  expect(ids()).toEqual(["first"]);
});

test("what cannot be loaded is said", async () => {
  server.pages = [new ApiError(400, { code: "bad-query", what: "this parenthesis is not closed", position: 3 })];
  view.want(wanted({ q: "(a" }));
  await vi.advanceTimersByTimeAsync(0);
  expect(view.state.value).toBe("failed");
  expect((view.failure.value as ApiError).problem.what).toBe("this parenthesis is not closed");
});

import { describe, expect, it } from "vitest";
import { ApiError } from "../../../src/api/client";
import type { EventDetail, Matches, RunRow, RunsPage, TracePage } from "../../../src/api/types";
import { TraceLoader, type TraceSource } from "../../../src/run/timeline/load";
import { isQuery, QueryFilter } from "../../../src/run/timeline/query";
import { TraceStore } from "../../../src/run/timeline/store";
import { hex, type Item, idsOf, log, pagesOf, randomTrace, runRow, span, tracePage } from "./traces";

/** A server that has these runs, and answers in pages of so many rows. */
class Server implements TraceSource {
  readonly asked: string[] = [];
  readonly traces = new Map<string, Item[]>();
  readonly runs: RunRow[] = [];
  found: number[] = [];
  fails = 0;

  constructor(
    items: Item[],
    private readonly size = 100,
  ) {
    this.traces.set("run_a", items);
  }

  async page(runId: string, after: number, limit: number): Promise<TracePage> {
    this.asked.push(`${runId} ${after}`);
    if (this.fails > 0) {
      this.fails--;
      throw new ApiError(0, { code: "unreachable", what: "The server does not answer" });
    }
    const numbered = (this.traces.get(runId) ?? []).map((item, index) => ({ ...item, id: index + 1 }));
    const rest = numbered.filter((item) => item.id > after);
    const part = rest.slice(0, Math.min(limit, this.size));
    const left = rest.length - part.length;
    const children = after === 0 ? this.runs.filter((run) => run.parent_run_id === runId).slice(0, 3) : [];
    return tracePage(part, {
      run_id: runId,
      cursor: part.at(-1)?.id ?? after,
      more: left > 0,
      remaining: left,
      children,
      children_total: after === 0 ? this.runs.filter((run) => run.parent_run_id === runId).length : 0,
    });
  }

  async children(runId: string, cursor: string | null): Promise<RunsPage> {
    const own = this.runs.filter((run) => run.parent_run_id === runId);
    const from = Number(cursor ?? 0);
    const next = from + 3 < own.length ? String(from + 3) : null;
    return { items: own.slice(from, from + 3), cursor: next, searched_to: null, position: "" };
  }

  async event(): Promise<EventDetail> {
    throw new ApiError(404, { code: "not-found", what: "There is no such event" });
  }

  async matches(runId: string, query: string, cursor: string | null): Promise<Matches> {
    const all = query === "" ? (this.traces.get(runId) ?? []).map((_, index) => index + 1).reverse() : this.found;
    const from = Number(cursor ?? 0);
    return {
      ids: idsOf(all.slice(from, from + 150)),
      cursor: query !== "" && from + 150 < all.length ? String(from + 150) : null,
    };
  }
}

function child(number: number, changes: Partial<RunRow> = {}): RunRow {
  return runRow({
    run_id: `run_${number}`,
    task: "sync",
    parent_run_id: "run_a",
    span_id: hex(`c${number}`),
    spans: 1,
    ...changes,
  });
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("loading a trace", () => {
  it("gets all pages, and says how much is still to come", async () => {
    const server = new Server(randomTrace(3, 450));
    const store = new TraceStore(runRow());
    const known: number[] = [];
    store.version.subscribe(() => known.push(store.main.loaded + store.main.remaining));
    const count = (server.traces.get("run_a") ?? []).length;
    await new TraceLoader(store, server).start();
    expect(store.main.state).toBe("loaded");
    expect(known.slice(2, -1).every((total) => Math.abs(total - count) < count / 2)).toBe(true);
    expect(store.count).toBe(450);
  });

  it("says what went wrong, keeps what is here and goes on from there", async () => {
    const server = new Server(randomTrace(4, 300));
    const store = new TraceStore(runRow());
    const loader = new TraceLoader(store, server);
    const start = loader.start();
    server.fails = 1;
    await start;
    expect([store.main.state, loader.problem.value]).toEqual(["failed", "The server does not answer"]);
    const had = store.count;
    await loader.start();
    expect(store.main.state).toBe("loaded");
    expect(had).toBeLessThan(300);
    expect(store.count).toBe(300);
    expect(loader.problem.value).toBe("");
  });

  it("shows the start and the end of a run that is too large, and more on demand, each row once", async () => {
    const items = Array.from({ length: 900 }, (_, index) => log(`line ${index}`, undefined, index));
    const store = new TraceStore(runRow());
    const loader = new TraceLoader(store, new Server(items), 200);
    await loader.start();
    expect(store.main.state).toBe("partial");
    const messages = () => Array.from({ length: store.count - 1 }, (_, index) => store.message(index + 1));
    expect([messages()[0], messages().at(-1)]).toEqual(["line 0", "line 899"]);
    expect(store.main.loaded + store.main.remaining).toBe(900);
    store.apply(tracePage([{ ...log("live", undefined, 901), id: 901 }], { cursor: 901 }));
    expect(messages().at(-1)).toBe("live");
    while (store.main.state === "partial") await loader.more();
    expect(store.count).toBe(902);
    expect(new Set(messages()).size).toBe(901);
  });

  it("opens small runs that it triggered by itself, and the others when asked", async () => {
    const server = new Server([span("wait", "w", undefined, 1, 9)]);
    server.runs.push(child(1), child(2, { spans: 5000 }));
    server.traces.set("run_1", [span("Attempt 1", "a1", "c1", 1, 1)]);
    server.traces.set("run_2", [span("Attempt 1", "a2", "c2", 1, 1)]);
    const store = new TraceStore(runRow());
    const loader = new TraceLoader(store, server);
    await loader.start();
    await soon();
    expect([store.traceOf("run_1")?.state, store.traceOf("run_2")?.state]).toEqual(["loaded", "absent"]);
    loader.open("run_2");
    await soon();
    expect(store.traceOf("run_2")?.state).toBe("loaded");
    expect(store.rows.parent[store.rowOfSpan(hex("a2"))]).toBe(store.rowOfSpan(hex("c2")));
  });

  it("gets all runs that it triggered, though a page has but a few", async () => {
    const server = new Server([span("wait", "w", undefined, 1, 9)]);
    for (let number = 1; number <= 10; number++) server.runs.push(child(number, { spans: 0 }));
    const store = new TraceStore(runRow());
    await new TraceLoader(store, server).start();
    expect(store.childrenOf("run_a")).toBe(10);
  });

  it("ends with the page that is left", async () => {
    const server = new Server(randomTrace(3, 450));
    const store = new TraceStore(runRow());
    const loader = new TraceLoader(store, server);
    const start = loader.start();
    loader.close();
    await start;
    await soon();
    expect(server.asked.length).toBeLessThan(3);
  });
});

describe("a query as a filter", () => {
  it("is told from a text by its keys", () => {
    for (const text of ["level:>=warn", "user.id:7 pay", "-tag:x", '"my key":1', "(a:1 OR b:2)", "x:*"]) {
      expect(isQuery(text), text).toBe(true);
    }
    for (const text of ["", "pay", "https://example.com/x", "ConnectError: no route", "12:", "::", "std::sort"]) {
      expect(isQuery(text), text).toBe(false);
    }
  });

  it("finds the events that the server names, whole, and forgets a query that is no longer asked", async () => {
    const server = new Server([]);
    server.found = Array.from({ length: 400 }, (_, index) => index + 1);
    const store = new TraceStore(runRow());
    store.main.state = "loaded";
    const answers: number[] = [];
    const filter = new QueryFilter(store, server, (events) => answers.push(events.size), 0);
    filter.ask("user:1");
    expect(filter.state.value.state).toBe("searching");
    await soon();
    await soon();
    expect(answers).toEqual([150, 300, 400]);
    expect(filter.state.value.state).toBe("done");
    filter.ask("user:2");
    filter.ask("");
    await soon();
    await soon();
    expect(answers).toHaveLength(3);
    expect(filter.state.value.state).toBe("off");
  });

  it("says what is wrong with it", async () => {
    const server = new Server([]);
    server.matches = () =>
      Promise.reject(new ApiError(400, { code: "bad-query", what: "this parenthesis is not closed" }));
    const store = new TraceStore(runRow());
    store.main.state = "loaded";
    const filter = new QueryFilter(store, server, () => undefined, 0);
    filter.ask("(a:1");
    await soon();
    await soon();
    expect(filter.state.value).toEqual({ state: "failed", problem: "this parenthesis is not closed" });
  });
});

describe("live pages", () => {
  it("over rows that are here change nothing", async () => {
    const items = randomTrace(9, 200);
    const server = new Server(items);
    const store = new TraceStore(runRow());
    const loader = new TraceLoader(store, server);
    const start = loader.start();
    for (const page of pagesOf(items, 60)) store.apply({ ...page, more: false });
    await start;
    for (const page of pagesOf(items, 60)) store.apply({ ...page, more: false });
    expect(store.count).toBe(200);
  });
});

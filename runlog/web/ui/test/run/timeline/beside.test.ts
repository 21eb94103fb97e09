import { describe, expect, it } from "vitest";
import type { EventDetail, Matches, RunsPage, TracePage } from "../../../src/api/types";
import { anchorIn } from "../../../src/run/timeline/anchor";
import { TraceLoader, type TracePart, type TraceSource } from "../../../src/run/timeline/load";
import { TimelineModel } from "../../../src/run/timeline/model";
import { TraceStore } from "../../../src/run/timeline/store";
import { CREATED, hex, type Item, idsOf, log, open, runRow, span, tracePage } from "./traces";

type Event = Item & { id: number };

/** A run of so many batches: each begins, has three logs, and ends. */
function batches(count: number): Item[] {
  const items: Item[] = [open("run()", "r", undefined, 1)];
  for (let number = 0; number < count; number++) {
    const name = number.toString(16).padStart(16, "b");
    const at = 10 + number * 10;
    items.push(open(`batch ${number}`, name, "r", at));
    for (let line = 1; line <= 3; line++) items.push(log(`${number}.${line}`, name, at + line));
    items.push(span(`batch ${number}`, name, "r", at, 9));
  }
  items.push(span("run()", "r", undefined, 1, 10 + count * 10));
  return items;
}

const batch = (number: number) => number.toString(16).padStart(16, "b");

class Server implements TraceSource {
  readonly events: Event[];
  readonly asked: string[] = [];

  constructor(
    items: Item[],
    private readonly size = 20,
  ) {
    this.events = items.map((item, index) => ({ ...item, id: index + 1 }));
  }

  async page(_: string, after: number, limit: number, __: AbortSignal, part?: TracePart): Promise<TracePage> {
    if (part !== undefined) this.asked.push(JSON.stringify(part));
    const all = this.events.filter((event) => event.id > after && this.isOf(event, part));
    const some = all.slice(0, Math.min(limit, this.size));
    const ended = new Set(some.filter((event) => event.kind === "span").map((event) => event.span));
    return tracePage(
      some.filter((event) => event.kind !== "open" || !ended.has(event.span)),
      { cursor: some.at(-1)?.id ?? after, more: all.length > some.length, remaining: all.length - some.length },
    );
  }

  private isOf(event: Event, part: TracePart | undefined): boolean {
    if (part === undefined) return true;
    if ("under" in part) return event.span === part.under || event.parent === part.under;
    return event.kind !== "log" && (event.span === part.to || event.span === hex("r"));
  }

  async children(): Promise<RunsPage> {
    return { items: [], cursor: null, searched_to: null, position: "" };
  }

  async matches(): Promise<Matches> {
    const newest = this.events.map((event) => event.id).reverse();
    return { ids: idsOf(newest.slice(0, 12)), cursor: null };
  }

  async event(id: number): Promise<EventDetail> {
    const found = this.events[id - 1];
    const { kind, parent, span: spanId } = found as Event;
    return { id, run_id: "run_a", kind, parent_id: parent, span_id: spanId ?? null } as EventDetail;
  }
}

async function partial() {
  const server = new Server(batches(100));
  const store = new TraceStore(runRow({ spans: 101, logs: 300 }));
  const loader = new TraceLoader(store, server, 42);
  await loader.start();
  expect(store.main.state).toBe("partial");
  const model = new TimelineModel(store, () => CREATED + 5000);
  model.update();
  return { server, store, loader, model };
}

const messages = (store: TraceStore) =>
  Array.from({ length: store.count }, (_, row) => row).flatMap((row) =>
    store.rows.kind[row] === 0 ? [store.message(row)] : [],
  );
const parentName = (store: TraceStore, row: number) => store.name(store.rows.parent[row] as number);

describe("what is not loaded of a large run", () => {
  it("is found by a link to a span, in its place, with what is inside beside it on opening", async () => {
    const { store, loader, model } = await partial();
    loader.find({ span: batch(50) });
    await loaded(loader);
    const row = store.rowOfSpan(batch(50));
    expect(parentName(store, row)).toBe("run()");
    model.update();
    model.reveal(row);
    expect([model.outline.canOpen(model.index), model.outline.isOpen(model.index)]).toEqual([true, false]);
    model.onOpenSpan = (opened) => loader.openSpan(opened);
    model.right();
    await loaded(loader);
    expect(messages(store).filter((text) => text.startsWith("50."))).toEqual(["50.1", "50.2", "50.3"]);
    expect(store.lacks(row)).toBe(false);
  });

  it("stays in sight while rows come above it", async () => {
    const { store, loader, model } = await partial();
    loader.find({ span: batch(50) });
    await loaded(loader);
    model.update();
    const row = store.rowOfSpan(batch(50));
    const place = model.reveal(row);
    const sight = (top: number) => anchorIn(model.outline, row, { top, view: 200 }, 10);
    expect([sight(place * 10 - 190), sight(place * 10), sight(place * 10 - 200), sight(place * 10 + 10)]).toEqual([
      place,
      place,
      place - 20,
      place + 1,
    ]);
  });

  it("is found by a link to a log, with its neighbours", async () => {
    const { server, store, loader } = await partial();
    const event = server.events.find(({ message }) => message === "60.2") as Event;
    const places = new Set<number | undefined>();
    store.version.subscribe(() => places.add(store.rows.parent[store.rowOfEvent(event.id)]));
    loader.find({ event: event.id });
    await loaded(loader);
    const row = store.rowOfEvent(event.id);
    expect(places).toEqual(new Set([undefined, store.rowOfSpan(batch(60))]));
    expect([store.message(row), parentName(store, row)]).toEqual(["60.2", "batch 60"]);
    expect(messages(store).filter((text) => text.startsWith("60."))).toHaveLength(3);
    expect(store.lacks(store.rowOfSpan(batch(60)))).toBe(false);
  });

  it("is here once, however it came", async () => {
    const { server, store, loader } = await partial();
    const event = server.events.find(({ message }) => message === "60.2") as Event;
    loader.find({ event: event.id });
    loader.find({ event: event.id });
    await loaded(loader);
    const asked = server.asked.length;
    loader.find({ event: event.id });
    expect(server.asked.length).toBe(asked);
    while (store.main.state === "partial") await loader.more();
    expect(messages(store)).toHaveLength(300);
    expect(new Set(messages(store)).size).toBe(300);
    expect(store.rows.orphan.subarray(0, store.count).includes(1)).toBe(false);
    expect(store.lacks(store.rowOfSpan(batch(50)))).toBe(false);
  });

  it("is told apart from what has nothing inside", async () => {
    const { store } = await partial();
    expect(store.lacks(store.rowOfSpan(batch(1)))).toBe(false);
    expect(store.lacks(store.rowOfSpan(batch(99)))).toBe(false);
    expect(store.lacks(store.rowOfSpan(hex("r")))).toBe(true);
  });

  it("says why it did not come", async () => {
    const { server, loader } = await partial();
    server.event = () => Promise.reject(new Error("gone"));
    loader.find({ event: 250 });
    await loaded(loader);
    expect(loader.beside.problem.value).toContain("gone");
  });
});

async function loaded(loader: TraceLoader): Promise<void> {
  while (loader.beside.reading.peek() > 0) await new Promise((resolve) => setTimeout(resolve, 0));
}

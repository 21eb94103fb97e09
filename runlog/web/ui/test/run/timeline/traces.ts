// Traces to test with: written as a person would, or random, as pages like the server's.
import type { RunRow, TracePage } from "../../../src/api/types";

export interface Item {
  kind: "log" | "open" | "span";
  name: string;
  start: number;
  duration?: number;
  level?: number;
  status?: number;
  flags?: number;
  message?: string;
  accessory?: string;
  span?: string;
  parent?: string;
  id?: number;
}

export const ROOT = "00000000000000aa";
export const CREATED = 1_795_354_224_000;

export function runRow(changes: Partial<RunRow> = {}): RunRow {
  return {
    run_id: "run_a",
    version: 3,
    task: "import",
    status: "COMPLETED",
    queue: "default",
    created: CREATED,
    changed: CREATED + 1000,
    available: null,
    started: CREATED + 100,
    ended: CREATED + 1000,
    queue_time: 1e8,
    duration: 9e8,
    attempt: 1,
    code_version: null,
    tags: [],
    errors: 0,
    warnings: 0,
    spans: 0,
    logs: 0,
    reason: null,
    cause: null,
    times: [],
    error: null,
    worker: null,
    parent_run_id: null,
    root_run_id: null,
    trace_id: null,
    span_id: ROOT,
    parent_span_id: null,
    columns: [],
    ...changes,
  } as RunRow;
}

export function tracePage(items: Item[], changes: Partial<TracePage> = {}): TracePage {
  const names = [...new Set(items.map((item) => item.name))];
  const places = new Map(names.map((name, index) => [name, index]));
  const ids = items.map((item, index) => item.id ?? index + 1);
  return {
    run_id: "run_a",
    origin: CREATED,
    count: items.length,
    id: encode(Float64Array.from(ids)),
    kind: encode(Uint8Array.from(items, (item) => ["log", "open", "span"].indexOf(item.kind))),
    level: encode(Uint8Array.from(items, (item) => item.level ?? 9)),
    status: encode(Uint8Array.from(items, (item) => item.status ?? 0)),
    flags: encode(Uint8Array.from(items, (item) => item.flags ?? 0)),
    name: encode(Uint32Array.from(items, (item) => places.get(item.name) ?? 0)),
    start: encode(Float64Array.from(items, (item) => item.start)),
    duration: encode(Float64Array.from(items, (item) => (item.kind === "span" ? (item.duration ?? 0) : -1))),
    span: encodeIds(items.map((item) => item.span)),
    parent: encodeIds(items.map((item) => item.parent)),
    names,
    messages: items.filter((item) => item.kind === "log").map((item) => item.message ?? ""),
    accessories: items.flatMap((item, index) => (item.accessory === undefined ? [] : [[index, item.accessory]])),
    children: [],
    children_total: 0,
    cursor: Math.max(0, ...ids),
    more: false,
    remaining: 0,
    ...changes,
  } as TracePage;
}

export function span(
  name: string,
  span: string,
  parent: string | undefined,
  start: number,
  duration: number,
  more: Partial<Item> = {},
): Item {
  return {
    kind: "span",
    name,
    span: hex(span),
    parent: parent === undefined ? ROOT : hex(parent),
    start,
    duration,
    ...more,
  };
}

export function open(name: string, span: string, parent: string | undefined, start: number): Item {
  return { kind: "open", name, span: hex(span), parent: parent === undefined ? ROOT : hex(parent), start };
}

export function log(message: string, parent: string | undefined, start: number, more: Partial<Item> = {}): Item {
  return { kind: "log", name: "logger", message, parent: parent === undefined ? ROOT : hex(parent), start, ...more };
}

/** The id of the span that a test calls by a short name. */
export function hex(name: string): string {
  if (/^[0-9a-f]{16}$/.test(name)) return name;
  let text = "";
  for (const letter of name) text += letter.charCodeAt(0).toString(16).padStart(2, "0");
  return text.padEnd(16, "0").slice(0, 16);
}

/** Numbers between 0 and 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) | 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
}

/** A random tree of spans and logs, in the order in which a recorder writes them: spans as they end. Some spans have an
 * open row as well, some have none that ends. */
export function randomTrace(seed: number, count: number): Item[] {
  const next = random(seed);
  const spans: { id: string; start: number; end: number }[] = [{ id: ROOT, start: 0, end: 1e9 }];
  const items: (Item & { written: number })[] = [];
  const starts = new Set<number>();
  for (let index = 1; index < count; index++) {
    const above = spans[Math.floor(next() ** 0.5 * spans.length)] as { id: string; start: number; end: number };
    let start = Math.floor(above.start + next() * (above.end - above.start));
    while (starts.has(start)) start++; // the order of two that start at once is that of their arrival
    starts.add(start);
    if (next() < 0.5) {
      const level = [5, 9, 13, 17][Math.floor(next() ** 3 * 4)] as number;
      items.push({
        kind: "log",
        name: "logger",
        message: `line ${index} of ${seed}`,
        level,
        parent: above.id,
        start,
        written: start,
      });
      continue;
    }
    const end = Math.max(start, Math.floor(start + next() * (above.end - start)));
    const id = (0x1000_0000 + index).toString(16).padStart(16, "0");
    const name = ["HTTP GET /users/1", "SELECT users", "load", "HTTP GET /users/2"][Math.floor(next() * 4)] as string;
    spans.push({ id, start, end });
    const place = { name, span: id, parent: above.id, start };
    const draw = next();
    if (draw < 0.4) items.push({ kind: "open", ...place, written: start });
    if (draw > 0.05) {
      const status = next() < 0.05 ? 2 : 1;
      items.push({ kind: "span", ...place, duration: end - start, status, level: status === 2 ? 17 : 9, written: end });
    }
  }
  return items.sort((one, other) => one.written - other.written).map(({ written: _, ...item }) => item);
}

/** The same items as pages of so many, like the server's: no open row whose span ends in its page. */
export function pagesOf(items: Item[], size: number): TracePage[] {
  const numbered = items.map((item, index) => ({ ...item, id: index + 1 }));
  const pages: TracePage[] = [];
  for (let from = 0; from < numbered.length; from += size) {
    const part = numbered.slice(from, from + size);
    const ended = new Set(part.filter((item) => item.kind === "span").map((item) => item.span));
    const kept = part.filter((item) => item.kind !== "open" || !ended.has(item.span));
    const remaining = Math.max(0, numbered.length - from - size);
    pages.push(tracePage(kept, { cursor: from + part.length, more: remaining > 0, remaining }));
  }
  return pages;
}

/** Event ids as the server writes them. */
export function idsOf(ids: number[]): string {
  return encode(Float64Array.from(ids));
}

function encodeIds(ids: (string | undefined)[]): string {
  const bytes = new Uint8Array(ids.length * 8);
  ids.forEach((id, index) => {
    for (let byte = 0; id !== undefined && byte < 8; byte++) {
      bytes[index * 8 + byte] = Number.parseInt(id.slice(byte * 2, byte * 2 + 2), 16);
    }
  });
  return encode(bytes);
}

function encode(column: Float64Array | Uint32Array | Uint8Array): string {
  const bytes = new Uint8Array(column.buffer);
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; from += 8192) {
    parts.push(String.fromCharCode(...bytes.subarray(from, from + 8192)));
  }
  return btoa(parts.join(""));
}

import { describe, expect, it } from "vitest";
import { criticalPath } from "../../../src/run/timeline/critical";
import { TraceStore } from "../../../src/run/timeline/store";
import { type Item, pagesOf, randomTrace, runRow, span } from "./traces";

function storeOf(items: Item[]): TraceStore {
  const store = new TraceStore(runRow());
  for (const page of pagesOf(items, 1_000_000)) store.add(page);
  store.settle(store.main, "loaded");
  return store;
}

describe("the critical path", () => {
  it("covers the whole run once: every moment is one row's own", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const store = storeOf(randomTrace(seed, 300));
      const path = criticalPath(store, 0, 0);
      const parts: [number, number][] = [];
      for (const own of path.parts.values()) {
        for (let index = 0; index < own.length; index += 2)
          parts.push([own[index] as number, own[index + 1] as number]);
      }
      parts.sort((one, other) => one[0] - other[0]);
      expect(parts[0]?.[0]).toBe(0);
      expect(parts.at(-1)?.[1]).toBe(1e9);
      for (let index = 1; index < parts.length; index++) expect(parts[index]?.[0]).toBe(parts[index - 1]?.[1]);
    }
  });

  it("follows what was waited for, not what ran beside it", () => {
    const store = storeOf([
      span("first", "a", undefined, 100e6, 300e6),
      span("beside", "b", undefined, 150e6, 100e6),
      span("second", "c", undefined, 400e6, 500e6),
      span("inner", "d", "c", 500e6, 300e6),
    ]);
    const path = criticalPath(store, 0, 0);
    const own = (id: string) => path.own(store.rowOfSpan(id));
    expect(path.parts.has(store.rowOfSpan("6200000000000000"))).toBe(false);
    expect([own("6100000000000000"), own("6300000000000000"), own("6400000000000000")]).toEqual([300e6, 200e6, 300e6]);
    expect(path.own(0)).toBe(200e6);
  });
});

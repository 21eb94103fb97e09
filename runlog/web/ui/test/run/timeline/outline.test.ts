import { describe, expect, it } from "vitest";
import { ERROR_LEVEL, FAILED, LOG, NONE, WARN_LEVEL } from "../../../src/run/timeline/columns";
import { NO_CRITERIA } from "../../../src/run/timeline/filter";
import { Folds } from "../../../src/run/timeline/folds";
import { Outline } from "../../../src/run/timeline/outline";
import { TraceStore } from "../../../src/run/timeline/store";
import { hex, type Item, log, open, pagesOf, randomTrace, runRow, span } from "./traces";

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

function outlineOf(items: Item[], isFolding = false): Outline {
  const store = new TraceStore(runRow());
  for (const page of pagesOf(items, 1_000_000)) store.add(page);
  store.settle(store.main, "loaded");
  const outline = new Outline(store);
  outline.isFolding = isFolding;
  outline.update();
  return outline;
}

function shown(outline: Outline): number[] {
  return Array.from(outline.visible.subarray(0, outline.count));
}

function texts(outline: Outline): string[] {
  const { store } = outline;
  const folds = new Folds(outline);
  return shown(outline).map((item, index) => {
    const fold = item < 0 ? folds.of(~item) : null;
    const row = outline.rowAt(index);
    const text = fold === null ? store.message(row) || store.name(row) : `${fold.text} ×${fold.members.length}`;
    return `${" ".repeat(outline.depths[index] as number)}${text}`;
  });
}

/** The rows of a tree in order, by asking each row for its parent: slow and plain. */
function reference(
  outline: Outline,
  isKept: (row: number) => boolean,
  isOpen: (row: number, depth: number) => boolean,
) {
  const { rows } = outline.store;
  const children = new Map<number, number[]>();
  for (let row = 1; row < rows.count; row++) {
    const parent = rows.parent[row] as number;
    children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const found: number[] = [];
  const walk = (row: number, depth: number) => {
    if (!isKept(row)) return;
    found.push(row);
    if (!isOpen(row, depth)) return;
    const below = children.get(row) ?? [];
    below.sort((one, other) => (rows.start[one] as number) - (rows.start[other] as number) || one - other);
    for (const child of below) walk(child, depth + 1);
  };
  walk(0, 0);
  return found;
}

function above(outline: Outline, row: number): number[] {
  const found = [];
  for (let at = outline.store.rows.parent[row] as number; at >= 0; at = outline.store.rows.parent[at] as number) {
    found.push(at);
    if (at === 0) break;
  }
  return found;
}

describe("the outline", () => {
  it("shows each level that is open, and no other", () => {
    for (const seed of SEEDS) {
      const outline = outlineOf(randomTrace(seed, 300));
      for (const level of [1, 2, 5, Number.POSITIVE_INFINITY]) {
        outline.setLevel(level);
        expect(shown(outline)).toEqual(
          reference(
            outline,
            () => true,
            (_, depth) => depth < level,
          ),
        );
      }
    }
  });

  it("opens and closes rows by hand, and keeps what is inside as it was", () => {
    const outline = outlineOf([
      span("a", "a", undefined, 1, 90),
      span("b", "b", "a", 2, 50),
      log("deep", "b", 3),
      span("c", "c", undefined, 95, 5),
    ]);
    expect(texts(outline)).toEqual(["import", " a", "  b", "   deep", " c"]);
    outline.toggle(2);
    outline.toggle(1);
    expect(texts(outline)).toEqual(["import", " a", " c"]);
    outline.toggle(1);
    expect(texts(outline)).toEqual(["import", " a", "  b", " c"]);
    expect(outline.canOpen(2)).toBe(true);
    expect(outline.canOpen(3)).toBe(false);
  });

  it("leaves logs out, and then has no rows to open where there were only logs", () => {
    const outline = outlineOf([span("a", "a", undefined, 1, 9), log("hello", "a", 2)]);
    outline.hasLogs = false;
    outline.layOut();
    expect(texts(outline)).toEqual(["import", " a"]);
    expect(outline.canOpen(1)).toBe(false);
  });

  it("reveals a row in whatever is closed", () => {
    for (const seed of SEEDS) {
      const outline = outlineOf(randomTrace(seed, 300), true);
      outline.setLevel(1);
      for (const row of [7, 150, 280]) expect(outline.rowAt(outline.reveal(row))).toBe(row);
    }
  });

  it("counts what is below a row", () => {
    for (const seed of SEEDS) {
      const outline = outlineOf(randomTrace(seed, 300));
      const { rows } = outline.store;
      const warnings = new Uint32Array(300);
      const errors = new Uint32Array(300);
      const isFailed = (row: number) => rows.kind[row] !== LOG && rows.status[row] === FAILED;
      const failingInside = new Set<number>();
      for (let row = 1; row < 300; row++)
        if (isFailed(row)) for (const at of above(outline, row)) failingInside.add(at);
      for (let row = 1; row < 300; row++) {
        const isLog = rows.kind[row] === LOG;
        const level = rows.level[row] as number;
        const isError = isLog ? level >= ERROR_LEVEL : isFailed(row) && !failingInside.has(row);
        for (const at of above(outline, row)) {
          if (isError) errors[at] = (errors[at] as number) + 1;
          if (isLog && level >= WARN_LEVEL && level < ERROR_LEVEL) warnings[at] = (warnings[at] as number) + 1;
        }
      }
      expect(outline.counts.errors.subarray(0, 300)).toEqual(errors);
      expect(outline.counts.warnings.subarray(0, 300)).toEqual(warnings);
    }
  });

  it("goes from error to error in both directions", () => {
    const outline = outlineOf(randomTrace(5, 400));
    const forward: number[] = [];
    for (let row = outline.nextError(NONE, 1); row !== NONE; row = outline.nextError(row, 1)) forward.push(row);
    const back: number[] = [];
    for (let row = outline.nextError(NONE, -1); row !== NONE; row = outline.nextError(row, -1)) back.push(row);
    expect(forward.length).toBe(outline.counts.total);
    expect(forward.length).toBeGreaterThan(3);
    expect(back.reverse()).toEqual(forward);
  });
});

describe("a filter", () => {
  it("keeps what matches and all that it is in", () => {
    for (const seed of SEEDS) {
      const outline = outlineOf(randomTrace(seed, 300));
      const { rows } = outline.store;
      const { store } = outline;
      for (const criteria of [
        { ...NO_CRITERIA, text: "GET /USERS/2" },
        { ...NO_CRITERIA, level: WARN_LEVEL },
        { ...NO_CRITERIA, text: "line 1", level: WARN_LEVEL },
        { ...NO_CRITERIA, events: new Set([3, 50, 51]) },
      ]) {
        outline.setCriteria(criteria);
        const kept = new Set<number>([0]);
        let matches = 0;
        for (let row = 0; row < rows.count; row++) {
          const text = `${store.name(row)}\n${store.message(row)}`.toLowerCase();
          if ((rows.level[row] as number) < criteria.level || !text.includes(criteria.text.toLowerCase())) continue;
          if (criteria.events !== null && !criteria.events.has(rows.id[row] as number)) continue;
          matches++;
          for (const at of [row, ...above(outline, row)]) kept.add(at);
        }
        expect(outline.filtered?.matches).toBe(matches);
        expect(shown(outline)).toEqual(
          reference(
            outline,
            (row) => kept.has(row),
            () => true,
          ),
        );
      }
    }
  });

  it("shows only errors, and what was left without an end", () => {
    const outline = outlineOf([
      span("good", "g", undefined, 1, 9),
      span("bad", "b", undefined, 2, 9, { status: 2 }),
      span("lost", "l", undefined, 3, 9, { status: 4 }),
      log("said", "g", 3, { level: 17 }),
      log("quiet", "b", 4),
    ]);
    outline.setCriteria({ ...NO_CRITERIA, errors: true });
    expect(texts(outline)).toEqual(["import", " good", "  said", " bad", " lost"]);
  });

  it("shows what is in a match once that is opened by hand, and forgets it with the filter", () => {
    const outline = outlineOf([span("pay", "p", undefined, 1, 9), span("inner", "i", "p", 2, 3), log("x", "i", 2)]);
    outline.setCriteria({ ...NO_CRITERIA, text: "pay" });
    expect(texts(outline)).toEqual(["import", " pay"]);
    outline.toggle(1);
    expect(texts(outline)).toEqual(["import", " pay", "  inner", "   x"]);
    outline.setCriteria(NO_CRITERIA);
    outline.setCriteria({ ...NO_CRITERIA, text: "pay" });
    expect(texts(outline)).toEqual(["import", " pay"]);
  });

  it("takes the text as it is, not as a pattern", () => {
    const outline = outlineOf([span("f(x) [a-z]+", "p", undefined, 1, 9), span("fx a", "i", undefined, 2, 3)]);
    outline.setCriteria({ ...NO_CRITERIA, text: "(x) [A-Z]+" });
    expect(texts(outline)).toEqual(["import", " f(x) [a-z]+"]);
  });
});

describe("repeated siblings", () => {
  const calls = (count: number, more: (index: number) => Partial<Item> = () => ({})) =>
    Array.from({ length: count }, (_, index) =>
      span(`HTTP GET /users/${index}`, `${1000 + index}`, undefined, index * 10, index + 1, {
        status: 1,
        ...more(index),
      }),
    );

  it("are one row with their number, in the place of the first", () => {
    const outline = outlineOf(
      [...calls(40), span("after", "z", undefined, 5000, 1), log("before", undefined, -1)],
      true,
    );
    expect(texts(outline)).toEqual(["import", " before", " HTTP GET /users/… ×40", " after"]);
    const fold = new Folds(outline).of(outline.rowAt(2));
    expect(fold.p95).toBe(38);
    expect(fold.total).toBe(820);
    outline.toggle(2);
    expect(outline.count).toBe(44);
    expect(outline.depths[3]).toBe(2);
    outline.toggle(2);
    expect(outline.count).toBe(4);
  });

  it("are not folded when they are few, or are attempts", () => {
    expect(outlineOf(calls(9), true).count).toBe(10);
    const attempts = Array.from({ length: 30 }, (_, index) =>
      span(`Attempt ${index + 1}`, `${index}`, undefined, index, 1),
    );
    expect(outlineOf(attempts, true).count).toBe(31);
  });

  it("do not hide one that failed, holds an error or has not ended", () => {
    const items = calls(30, (index) => (index === 7 ? { status: 2 } : {}));
    items.push(log("oh", `${1012}`, 121, { level: 17 }), open("HTTP GET /users/99", "last", undefined, 900));
    const outline = outlineOf(items, true);
    expect(texts(outline)).toEqual([
      "import",
      " HTTP GET /users/… ×28",
      " HTTP GET /users/7",
      " HTTP GET /users/12",
      "  oh",
      " HTTP GET /users/99",
    ]);
  });

  it("say how many failed where they are too many to stand apart", () => {
    const outline = outlineOf(
      calls(30, () => ({ status: 2 })),
      true,
    );
    expect(outline.count).toBe(7);
    const fold = new Folds(outline).of(outline.rowAt(6));
    expect([fold.failed, fold.errors]).toEqual([25, 25]);
  });

  it("are folded among what a filter keeps", () => {
    const outline = outlineOf(
      [...calls(12), ...calls(12).map((item) => ({ ...item, name: "save", span: hex(`s${item.start}`) }))],
      true,
    );
    outline.setCriteria({ ...NO_CRITERIA, text: "users/1" });
    expect(texts(outline)).toEqual(["import", " HTTP GET /users/1", " HTTP GET /users/10", " HTTP GET /users/11"]);
    outline.setCriteria({ ...NO_CRITERIA, text: "get" });
    expect(texts(outline)).toEqual(["import", " HTTP GET /users/… ×12"]);
  });

  it("open for a row in them that is revealed", () => {
    const outline = outlineOf(calls(40), true);
    const row = outline.store.rowOfSpan(hex("1033"));
    expect(outline.rowAt(outline.reveal(row))).toBe(row);
  });

  it("fold logs by their words, apart by level", () => {
    const items = Array.from({ length: 60 }, (_, index) =>
      log(`item ${index} done in ${index * 3} ms`, undefined, index, { level: index % 2 ? 9 : 13 }),
    );
    expect(texts(outlineOf(items, true))).toEqual(["import", " item … done in … ms ×30", " item … done in … ms ×30"]);
  });
});

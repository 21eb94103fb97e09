import { expect, test } from "vitest";
import { markedParts, marksIn, markWords } from "../../src/format/marks";

test("marks are told from the data around them", () => {
  const parts = markedParts("card [redacted:card-number] of …[1,024 characters cut]… end");
  expect(parts.map((part) => part.mark)).toEqual([null, "redacted", null, "cut", null]);
  expect(parts[1] && markWords(parts[1])).toContain("rule: card-number");
  expect(parts[3] && markWords(parts[3])).toContain("too long");
  expect(markedParts("[redact me]")).toEqual([{ text: "[redact me]", mark: null }]);
  expect(markedParts("")).toEqual([]);
});

test("a mark instead of a value is the whole value", () => {
  expect(markedParts("<17,500 more>")).toEqual([{ text: "<17,500 more>", mark: "cut" }]);
  expect(markWords({ text: "<17,500 more>", mark: "cut" })).toContain("left out");
  expect(markedParts("there are <5 more> here")[0]?.mark).toBeNull();
});

test("which marks there are in data is known at any depth", () => {
  expect(marksIn({ a: [{ key: "[redacted:api-key]" }] })).toEqual(new Set(["redacted"]));
  expect(marksIn({ rows: [1, "<2 more>"], "…": "x" })).toEqual(new Set(["cut"]));
  expect(marksIn(["plain", 5, null, { a: true }])).toEqual(new Set());
});

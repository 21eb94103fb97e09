import { expect, test } from "vitest";
import { markedParts, markWords } from "../../src/format/marks";

test("marks are told from the data around them", () => {
  const parts = markedParts("card [redacted:card-number] of …[1,024 characters cut]… end");
  expect(parts.map((part) => part.mark)).toEqual([null, "redacted", null, "cut", null]);
  expect(parts[1] && markWords(parts[1])).toContain("rule: card-number");
  expect(markedParts("[redacted]")).toEqual([{ text: "[redacted]", mark: null }]);
  expect(markedParts("")).toEqual([]);
});

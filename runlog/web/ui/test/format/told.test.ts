import { expect, test } from "vitest";
import { toldParts, toldText } from "../../src/format/told";

const times: [string, number][] = [
  ["2026-11-22 15:05:00 XYZ", 5],
  ["2026-11-22 16:05:00 XYZ", 6],
];

test("a text is cut where it names a time, and nowhere else", () => {
  expect(toldParts("waits until 2026-11-22 15:05:00 XYZ, 2026-11-22 16:05:00 XYZ at the latest", times)).toEqual([
    "waits until ",
    5,
    ", ",
    6,
    " at the latest",
  ]);
  expect(toldParts("waits for 2 runs", times)).toEqual(["waits for 2 runs"]);
  expect(toldParts("waits", [["", 1]])).toEqual(["waits"]);
});

test("a text with its times written otherwise", () => {
  expect(toldText("until 2026-11-22 15:05:00 XYZ.", times, (ms) => `#${ms}`)).toBe("until #5.");
});

import { expect, test } from "vitest";
import { axisStep, duration, exactDuration } from "../../src/format/duration";

test.each([
  [0, "0 µs"],
  [85_000, "85 µs"],
  [999_499, "999 µs"],
  [1_000_000, "1.0 ms"],
  [9_949_999, "9.9 ms"],
  [120_000_000, "120 ms"],
  [999_499_999, "999 ms"],
  [1_200_000_000, "1.2 s"],
  [59_949_999_999, "59.9 s"],
  [59_960_000_000, "1 min 0 s"],
  [123e9, "2 min 3 s"],
  [(5 * 3600 + 12 * 60) * 1e9, "5 h 12 min"],
  [50 * 3600e9, "2 d 2 h"],
])("%d ns", (nanoseconds, text) => {
  expect(duration(nanoseconds)).toBe(text);
});

test("exact", () => {
  expect(exactDuration(12_345_678)).toBe("12,345,678 ns");
});

test.each([
  [1e9, 10, 1e8],
  [7e9, 7, 1e9],
  [90e6, 8, 2e7],
  [600e9, 10, 60e9],
  [86_400e9, 6, 21_600e9],
  [0, 5, 1],
])("an axis over %d ns in about %d steps", (range, steps, step) => {
  expect(axisStep(range, steps)).toBe(step);
});

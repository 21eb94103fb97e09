import { expect, test } from "vitest";
import type { Comparison, EventDetail } from "../../../src/api/types";
import { comparisonScale, comparisonWords, missingWords, sinceStart } from "../../../src/run/inspector/words";

const comparison = (share: number | null, count = 1000): Comparison => ({
  count,
  slower_than: share,
  p50: 1e6,
  p95: 1e8,
  fastest: 1e4,
  slowest: 1e10,
  searched_to: null,
});

test("a comparison says what stands out, never a rounded 100 %", () => {
  expect(comparisonWords(comparison(0.97))).toBe("slower than 97 % of the last 1,000 of its kind");
  expect(comparisonWords(comparison(0.9996))).toBe("slower than 99.9 % of the last 1,000 of its kind");
  expect(comparisonWords(comparison(1))).toBe("slower than all of the last 1,000 of its kind");
  expect(comparisonWords(comparison(0.12))).toBe("faster than 88 % of the last 1,000 of its kind");
  expect(comparisonWords(comparison(null, 3))).toBe("only 3 others of its kind to compare with");
  expect(comparisonWords(comparison(null, 0))).toBe("the first of its kind");
});

test("the bar is logarithmic and holds what is beyond the others", () => {
  expect(comparisonScale(comparison(0.5), 1e7)).toEqual({
    at: 0.5,
    p50: expect.closeTo(1 / 3),
    p95: expect.closeTo(2 / 3),
  });
  expect(comparisonScale(comparison(1), 1e12)?.at).toBe(1);
  expect(comparisonScale(comparison(0), 1e2)?.at).toBe(0);
  expect(comparisonScale(comparison(null, 3), 1e6)).toBeNull();
});

test("times count from the run's beginning", () => {
  expect(sinceStart(1500, 1000)).toBe("+500 ms");
  expect(sinceStart(999, 1000)).toBe("-1.0 ms");
});

test("what is missing is said once, with its size", () => {
  const detail = {
    attributes: [["body", "x"]],
    truncated: [
      ["body", 9000],
      ["message", 200_000],
    ],
    dropped: [["attributes", 12]],
  } as unknown as EventDetail;
  expect(missingWords(detail)).toEqual(["message was cut: it had 200,000 characters", "12 attributes not kept"]);
});

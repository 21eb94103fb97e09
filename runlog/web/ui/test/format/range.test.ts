import { describe, expect, it } from "vitest";
import { ALL, between, inputValue, isRelative, ofInput, rangeLabel, spanOf } from "../../src/format/range";

const NOW = Date.parse("2026-11-22T14:00:00Z");

describe("a range of time", () => {
  it("counts from now, or names moments", () => {
    expect(spanOf({ from: "-15m", to: null }, NOW)).toEqual({ from: NOW - 900_000, to: undefined });
    expect(spanOf({ from: "2026-11-22T13:00:00.000Z", to: "-1h" }, NOW).from).toBe(NOW - 3_600_000);
    expect(spanOf(ALL, NOW)).toEqual({ from: undefined, to: undefined });
    expect(spanOf({ from: "<script>", to: "-5x" }, NOW)).toEqual({ from: undefined, to: undefined });
    expect([isRelative({ from: "-1h", to: null }), isRelative(ALL)]).toEqual([true, false]);
  });

  it("is exact to the millisecond through the address", () => {
    const range = between(NOW + 0.4, NOW + 1_001);
    expect(spanOf(range, 0)).toEqual({ from: NOW, to: NOW + 1_001 });
  });

  it("has a name", () => {
    expect(rangeLabel({ from: "-24h", to: null }, NOW)).toBe("Last 24 hours");
    expect(rangeLabel({ from: "-3h", to: null }, NOW)).toBe("Last 3h");
    expect(rangeLabel(ALL, NOW)).toBe("All time");
    expect(rangeLabel({ from: "nonsense", to: null }, NOW)).toBe("All time");
    expect(rangeLabel(between(NOW, NOW + 60_000), NOW)).toMatch(/^\d\d:00:00 – \d\d:01:00$/);
  });

  it("goes through an input in the viewer's zone", () => {
    expect(ofInput(inputValue(NOW))).toBe(NOW);
    expect([inputValue(null), ofInput("")]).toEqual(["", null]);
  });
});

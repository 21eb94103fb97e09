import { describe, expect, it } from "vitest";
import { dragged, slotsOf, stack, ticksOf, topOf, totalsOf } from "../../src/parts/histogram-layout";

const data = {
  start: 1_000,
  end: 2_000,
  width: 100,
  buckets: [
    { time: 1_000, counts: { FAILED: 1, COMPLETED: 9_999 } },
    { time: 1_900, counts: { COMPLETED: 5_000, EXECUTING: 0 } },
  ],
};

describe("a histogram", () => {
  it("places its slots on the axis and counts each kind", () => {
    const slots = slotsOf(data);
    expect(slots.map((slot) => [slot.left, slot.total])).toEqual([
      [0, 10_000],
      [0.9, 5_000],
    ]);
    expect([...totalsOf(slots)]).toEqual([
      ["FAILED", 1],
      ["COMPLETED", 14_999],
    ]);
    expect(topOf(slots)).toBe(10_000);
  });

  it("shows one failure under ten thousand, and no bar outgrows the place", () => {
    const [slot] = slotsOf(data);
    const segments = slot ? stack(slot, ["FAILED", "COMPLETED"], 10_000, 50) : [];
    expect(segments).toEqual([
      { key: "FAILED", top: 48, height: 2 },
      { key: "COMPLETED", top: 0, height: 48 },
    ]);
  });

  it("widens a drag to whole slots, in either direction", () => {
    expect(dragged(data, 0.55, 0.21)).toEqual({ from: 1_200, to: 1_600 });
    expect(dragged(data, 0.5, 0.5)).toEqual({ from: 1_500, to: 1_600 });
    expect(dragged(data, 0.2, 0.4)).toEqual({ from: 1_200, to: 1_400 });
    expect(dragged(data, -1, 3)).toEqual({ from: 1_000, to: 2_000 });
  });

  it("has round ticks of the viewer's day", () => {
    const noon = new Date(2026, 10, 22, 12, 3, 20).getTime();
    expect(ticksOf(noon, noon + 60 * 60_000, 5).map((tick) => tick.label)).toEqual([
      "12:15",
      "12:30",
      "12:45",
      "13:00",
    ]);
    expect(ticksOf(noon, noon + 3 * 86_400_000, 4).map((tick) => tick.label)).toEqual(["23 Nov", "24 Nov", "25 Nov"]);
    expect(ticksOf(noon, noon + 36 * 3_600_000, 6).map((tick) => tick.label)).toContain("23 Nov");
    expect(ticksOf(noon, noon, 5)).toEqual([]);
    expect(ticksOf(0, 9e13, 5).length).toBeLessThanOrEqual(6);
  });
});

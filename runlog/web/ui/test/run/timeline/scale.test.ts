import { describe, expect, it } from "vitest";
import { TimeScale, tickText } from "../../../src/run/timeline/scale";

function scaleOf(to = 10e9): TimeScale {
  const scale = new TimeScale();
  scale.width = 1012;
  scale.setWhole(0, to);
  return scale;
}

describe("the time scale", () => {
  it("zooms at the pointer: the moment there stays there", () => {
    const scale = scaleOf();
    const before = scale.time(300);
    scale.zoom(0.5, 300);
    expect(scale.time(300)).toBeCloseTo(before, 0);
    expect(scale.view.to - scale.view.from).toBeCloseTo(5e9, 0);
    scale.zoom(4, 300);
    expect(scale.part).toBeNull();
  });

  it("pans within the whole, and never out of it", () => {
    const scale = scaleOf();
    scale.show({ from: 2e9, to: 4e9 });
    scale.pan(500);
    expect(scale.view).toEqual({ from: 3e9, to: 5e9 });
    scale.pan(1e6);
    expect(scale.view).toEqual({ from: 8e9, to: 10e9 });
    scale.pan(-1e6);
    expect(scale.view).toEqual({ from: 0, to: 2e9 });
  });

  it("grows with the run while the whole is in view, and stays where it is when zoomed", () => {
    const scale = scaleOf();
    scale.setWhole(0, 12e9);
    expect(scale.view.to).toBe(12e9);
    scale.show({ from: 1e9, to: 2e9 });
    scale.setWhole(0, 20e9);
    expect(scale.view).toEqual({ from: 1e9, to: 2e9 });
  });

  it("ends at a moment long enough to be drawn", () => {
    const scale = scaleOf(0);
    expect(Number.isFinite(scale.x(0))).toBe(true);
    scale.zoom(1e-9, 500);
    expect(scale.view.to - scale.view.from).toBeGreaterThan(0);
  });

  it("has ticks in round units whose texts are all different, at every zoom", () => {
    for (const to of [50, 3e3, 7e5, 42e6, 0.5e9, 9e9, 70e9, 400e9, 4e12, 3e14]) {
      const scale = scaleOf(to);
      for (const factor of [1, 0.1, 0.01]) {
        scale.reset();
        scale.zoom(factor, 700);
        const { times, step } = scale.ticks(100);
        expect(times.length).toBeLessThan(25);
        const texts = times.map((time) => tickText(time, step));
        expect(new Set(texts).size, texts.join(" ")).toBe(texts.length);
      }
    }
    expect(tickText(125e9, 5e9)).toBe("2:05");
    expect(tickText(1.5e9, 0.5e9)).toBe("1.5 s");
    expect(tickText(3725e9, 60e9)).toBe("1:02:05");
  });
});

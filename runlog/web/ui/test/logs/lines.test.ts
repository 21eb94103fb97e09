import { describe, expect, it } from "vitest";
import { LogLines } from "../../src/logs/lines";
import { line, page } from "./fixtures";

const ids = (lines: LogLines) => lines.lines.map((one) => ("log" in one ? one.log.id : `gap ${one.gap}`));

function of(...known: number[]): LogLines {
  const lines = new LogLines();
  lines.append(page(known, "more"));
  return lines;
}

describe("the lines of the logs page", () => {
  it("hold new lines back until they are shown, newest first", () => {
    const lines = of(3, 2, 1);
    lines.hold([line(4), line(5)]);
    expect([lines.held, ids(lines)]).toEqual([2, [3, 2, 1]]);
    expect(lines.show()).toBe(true);
    expect([lines.held, ids(lines)]).toEqual([0, [5, 4, 3, 2, 1]]);
  });

  it("say in their place how many were left out", () => {
    const lines = of(1);
    lines.hold([line(2)]);
    lines.holdGap(9_000);
    lines.holdGap(500);
    lines.hold([line(9_600)]);
    expect(lines.held).toBe(9_502);
    lines.show();
    expect(ids(lines)).toEqual([9_600, "gap 9500", 2, 1]);
  });

  it("show the context of a line around it, each line once", () => {
    const lines = of(30, 20, 10);
    lines.open(
      20,
      [18, 19, 20, 21, 30, 31].map((id) => line(id)),
    );
    expect(ids(lines)).toEqual([31, 30, 21, 20, 19, 18, 10]);
    expect(lines.lines.map((one) => "log" in one && one.around)).toEqual([true, false, true, false, true, true, false]);
    lines.open(10, [line(9), line(18)]);
    expect(ids(lines)).toEqual([31, 30, 21, 20, 19, 18, 10, 9]);
    lines.close(20);
    expect(ids(lines)).toEqual([30, 20, 18, 10, 9]);
    expect(lines.indexOf(10)).toBe(3);
  });

  it("let the oldest go while more come than are kept, and say so", () => {
    const lines = of(1);
    for (let at = 0; at < 21; at++) {
      lines.hold(Array.from({ length: 1_000 }, (_, n) => line(2 + at * 1_000 + n)));
      lines.show();
    }
    expect(lines.length).toBeLessThanOrEqual(20_000);
    expect([lines.trimmed, lines.cursor, ids(lines)[0]]).toEqual([true, null, 21_001]);
  });

  it("load anew where more is held back than is kept", () => {
    const lines = of(1);
    lines.hold(Array.from({ length: 6_000 }, (_, n) => line(2 + n)));
    lines.hold([line(10_000)]);
    expect([lines.held, lines.show()]).toEqual([6_001, false]);
  });
});

// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Scroller } from "../../src/parts/scroller";

const VIEW = 500;
const ROW = 28;
let element: HTMLElement;
let scroller: Scroller;
let detach: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  element = document.createElement("div");
  Object.defineProperty(element, "clientHeight", { value: VIEW });
  let top = 0;
  Object.defineProperty(element, "scrollTop", {
    get: () => top,
    set: (value: number) => {
      top = Math.max(0, Math.min(scroller.height - VIEW, Math.round(value)));
    },
  });
  scroller = new Scroller();
});

afterEach(() => {
  detach();
  vi.useRealTimers();
});

test("a list that a browser can hold is scrolled as any element", () => {
  attach(1000);
  user(280);
  expect(scroller.top).toBe(280);
  expect(scroller.place(20 * ROW)).toBe(20 * ROW);
  scroller.reveal(500 * ROW, ROW, "nearest");
  expect(scroller.top).toBe(501 * ROW - VIEW);
  scroller.reveal(490 * ROW, ROW, "nearest");
  expect(scroller.top).toBe(501 * ROW - VIEW);
  scroller.reveal(100 * ROW, ROW, "center");
  expect(scroller.top).toBe(100 * ROW - (VIEW - ROW) / 2);
});

test("a million rows: each can be reached, by steps as well", () => {
  const rows = 1_000_000;
  attach(rows);
  expect(scroller.height).toBeLessThan(17_000_000);
  scroller.toEnd();
  expect(scroller.top).toBe(rows * ROW - VIEW);
  expect(scroller.place(rows * ROW - ROW)).toBe(element.scrollTop + VIEW - ROW);

  scroller.reveal(123_456 * ROW, ROW, "start");
  expect(scroller.top).toBe(123_456 * ROW);
  for (let step = 0; step < 50; step++) user(element.scrollTop + 100);
  expect(scroller.top).toBe(123_456 * ROW + 5000);

  vi.advanceTimersByTime(1000); // the scrollbar goes where it belongs, the rows stay
  expect(scroller.top).toBe(123_456 * ROW + 5000);
  expect(element.scrollTop / (scroller.height - VIEW)).toBeCloseTo(scroller.top / (rows * ROW - VIEW), 5);
});

test("dragging the scrollbar goes through the whole list, to both ends", () => {
  const rows = 1_000_000;
  attach(rows);
  user((scroller.height - VIEW) / 2);
  expect(scroller.top / (rows * ROW)).toBeCloseTo(0.5, 3);
  user(scroller.height - VIEW);
  expect(scroller.top).toBe(rows * ROW - VIEW);
  user(0);
  expect(scroller.top).toBe(0);
});

test("what the program scrolled is not the user's doing", () => {
  attach(1000);
  scroller.toEnd();
  element.dispatchEvent(new Event("scroll"));
  expect(scroller.byUser).toBe(false);
  user(100);
  expect(scroller.byUser).toBe(true);
});

test("a list that has become shorter is still in sight", () => {
  attach(1000);
  scroller.toEnd();
  scroller.resize(30 * ROW);
  scroller.settle();
  expect(scroller.top).toBe(30 * ROW - VIEW);
});

function attach(rows: number): void {
  scroller.resize(rows * ROW);
  detach = scroller.attach(element, () => {});
}

function user(top: number): void {
  element.scrollTop = top;
  element.dispatchEvent(new Event("scroll"));
}

import { expect, test } from "vitest";
import { ago, fullTime, iso, preciseTime, shortTime } from "../../src/format/time";

const AT = new Date(2026, 10, 22, 14, 2, 11, 482).getTime();
const HOUR = 3_600_000;

test("in the viewer's zone", () => {
  expect(shortTime(AT, AT + HOUR)).toBe("14:02:11");
  expect(shortTime(AT, AT + 24 * HOUR)).toBe("22 Nov 14:02:11");
  expect(shortTime(AT, AT + 9000 * HOUR)).toBe("22 Nov 2026 14:02:11");
  expect(preciseTime(AT + 0.7)).toBe("14:02:11.482");
  expect(fullTime(AT)).toBe("22 Nov 2026 14:02:11.482");
});

test("exact, in UTC", () => {
  expect(iso(Date.UTC(2026, 10, 22, 13, 0, 0, 5))).toBe("2026-11-22T13:00:00.005Z");
  expect(iso(Date.UTC(2026, 10, 22, 13, 0, 0, 5) + 0.25)).toBe("2026-11-22T13:00:00.005250Z");
});

test("ages", () => {
  const ages = [0, 42_000, 5 * 60_000, 3 * HOUR, 47 * HOUR, 50 * HOUR, -5 * 60_000].map((age) => ago(AT - age, AT));
  expect(ages).toEqual(["just now", "42 s ago", "5 min ago", "3 h ago", "47 h ago", "2 d ago", "in 5 min"]);
});

import { expect, test } from "vitest";
import { bytes, count, percent, plural, shortCount } from "../../src/format/number";

test("counts", () => {
  expect([count(84_311), plural(1, "run"), plural(1200, "run"), plural(2, "entry", "entries")]).toEqual([
    "84,311",
    "1 run",
    "1,200 runs",
    "2 entries",
  ]);
  expect([0, 940, 999, 1000, 12_345, 99_960, 999_960, 1_400_000, 3e9].map(shortCount)).toEqual([
    "0",
    "940",
    "999",
    "1k",
    "12.3k",
    "100k",
    "1M",
    "1.4M",
    "3G",
  ]);
});

test("bytes", () => {
  expect([512, 12_595, 4_194_304, 2 ** 41].map(bytes)).toEqual(["512 B", "12.3 KiB", "4.0 MiB", "2.0 TiB"]);
});

test("a share is never rounded to all or nothing", () => {
  expect([0, 0.00001, 0.005, 0.97, 0.9999, 1].map(percent)).toEqual([
    "0 %",
    "0.1 %",
    "0.5 %",
    "97 %",
    "99.9 %",
    "100 %",
  ]);
});

import { expect, test } from "vitest";
import { countLines, LineMap, linesOf } from "../../../src/run/logs/wrap";

const texts = (message: string, columns: number) =>
  linesOf(message, columns).map((line) => line.map((span) => span.text).join(""));

test("messages break at new lines and at the last column, and nothing is lost", () => {
  expect(texts("abcdefgh\nij", 3)).toEqual(["abc", "def", "gh", "ij"]);
  expect(texts("", 3)).toEqual([""]);
  expect(texts("a\n\nb", 80)).toEqual(["a", "", "b"]);
  expect(texts("日本語x", 4)).toEqual(["日本", "語x"]);
  expect(texts("💥💥💥", 4)).toEqual(["💥💥", "💥"]);
});

test("a line breaks behind a space where that is not far", () => {
  expect(texts("the quick brown fox jumps", 12)).toEqual(["the quick ", "brown fox ", "jumps"]);
  expect(texts("a verylongwordindeed", 10)).toEqual(["a verylong", "wordindeed"]);
  expect(texts("one two \x1b[1mthree four\x1b[0m", 10)).toEqual(["one two th", "ree four"]);
});

test("a colour goes on over the break", () => {
  expect(linesOf("\x1b[31mabcd\x1b[0me", 3)).toEqual([
    [{ text: "abc", classes: "ansi-fg-1" }],
    [
      { text: "d", classes: "ansi-fg-1" },
      { text: "e", classes: "" },
    ],
  ]);
});

test("the quick count is the slow one", () => {
  for (const text of [
    "",
    "x",
    "abc",
    "abcd",
    "a\nb",
    "\x1b[1mabc\x1b[0m",
    "日本",
    "a\tb",
    "x".repeat(500),
    "one two three four five ",
  ]) {
    for (const columns of [1, 3, 4, 80]) expect(countLines(text, columns)).toBe(linesOf(text, columns).length);
  }
});

test("a line knows its message; what comes behind leaves the rest as it is", () => {
  const map = new LineMap();
  const sizes = [1, 3, 1, 2];
  map.update(0, 3, (index) => sizes[index] as number);
  expect(map.lines).toBe(5);
  expect([0, 1, 3, 4].map((line) => map.at(line))).toEqual([
    { index: 0, part: 0 },
    { index: 1, part: 0 },
    { index: 1, part: 2 },
    { index: 2, part: 0 },
  ]);
  let asked = 0;
  map.update(3, 4, (index) => {
    asked++;
    return sizes[index] as number;
  });
  expect([map.lines, asked, map.startOf(3)]).toEqual([7, 1, 5]);
  map.update(0, 1, () => 4);
  expect(map.lines).toBe(4);
});

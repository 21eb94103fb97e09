import { expect, test } from "vitest";
import { ansiSpans, isPlain, plainText, visible } from "../../src/format/ansi";

test("plain text is one span, and nothing is no span", () => {
  expect(ansiSpans("hello\n\tworld")).toEqual([{ text: "hello\n\tworld", classes: "" }]);
  expect(ansiSpans("")).toEqual([]);
  expect(isPlain("grüße 👩‍💻".replaceAll("\u200d", ""))).toBe(true);
});

test("colours and weights become classes and end where they are reset", () => {
  expect(ansiSpans("a\x1b[1;31mb\x1b[22mc\x1b[0md")).toEqual([
    { text: "a", classes: "" },
    { text: "b", classes: "ansi-bold ansi-fg-1" },
    { text: "c", classes: "ansi-fg-1" },
    { text: "d", classes: "" },
  ]);
  expect(ansiSpans("\x1b[mx\x1b[97;44my")).toEqual([
    { text: "x", classes: "" },
    { text: "y", classes: "ansi-fg-15 ansi-bg-4" },
  ]);
});

test("256 and all colours become the nearest of 16, in both spellings", () => {
  expect(ansiSpans("\x1b[38;5;196mr\x1b[38;2;0;250;3mg\x1b[48:2::1:2:3mb")).toEqual([
    { text: "r", classes: "ansi-fg-9" },
    { text: "g", classes: "ansi-fg-10" },
    { text: "b", classes: "ansi-fg-10 ansi-bg-0" },
  ]);
  expect(ansiSpans("\x1b[38;5;999;1mx")).toEqual([{ text: "x", classes: "ansi-bold" }]);
});

test("inverse swaps, and says so where there is nothing to swap with", () => {
  expect(ansiSpans("\x1b[31;42;7mx")[0]?.classes).toBe("ansi-fg-2 ansi-bg-1");
  expect(ansiSpans("\x1b[7mx")[0]?.classes).toBe("ansi-inverse");
});

test("nothing is hidden: concealed text shows, cursor moves are left out, other escapes are visible", () => {
  expect(ansiSpans("\x1b[8msecret\x1b[0m")).toEqual([{ text: "secret", classes: "" }]);
  expect(plainText("a\x1b[2K\x1b[1Ab")).toBe("ab");
  expect(plainText("\x1b]8;;https://example.com\x07here\x1b]8;;\x07")).toBe("here");
  expect(plainText("\x1b]0;title\x07x")).toBe("\\x1b]0;title\\x07x");
  expect(plainText("\x1b[31")).toBe("\\x1b[31");
});

test("characters that forge or reorder text are visible", () => {
  expect(visible("a\u202eb\u200bc\r\x00\ud800\u{e0041}")).toBe("a\\u202eb\\u200bc\\x0d\\x00\\ud800\\U000e0041");
  expect(visible("line\nnext\ttab")).toBe("line\nnext\ttab");
});

import { expect, test } from "vitest";
import { checkJson, lineOf } from "../../src/actions/json";

test("JSON is laid out, and every number and text stays as it was written", () => {
  const { problem, pretty } = checkJson(
    '{"rate":1.0,"id":12345678901234567890,"s":"\\u00e9 \\"","none":[],"list":[1e3,{}]}',
  );
  expect(problem).toBeNull();
  expect(pretty).toBe(
    '{\n  "rate": 1.0,\n  "id": 12345678901234567890,\n  "s": "\\u00e9 \\"",\n  "none": [],\n  "list": [\n    1e3,\n    {}\n  ]\n}',
  );
  expect(checkJson(pretty)).toEqual({ problem: null, pretty });
});

test.each([
  ["", 0, "empty"],
  ['{"a": 1,}', 8, "key"],
  ['{"a" 1}', 5, ":"],
  ["{'a': 1}", 1, "key"],
  ['["a" "b"]', 5, ","],
  ["[1, 2", 5, "breaks off"],
  ["[1,]", 3, "value is missing"],
  ['{"a": True}', 6, "no value begins"],
  ["[01]", 1, "no value begins"],
  ["[NaN]", 1, "no value begins"],
  ["['a']", 1, "double quotes"],
  ['["a\nb"]', 1, "does not end"],
  ["{} x", 3, "after its end"],
  ["[".repeat(5000), 501, "deep"],
])("what is wrong with %j is said where it is", (text, at, what) => {
  const { problem, pretty } = checkJson(text);
  expect(problem?.at).toBe(at);
  expect(problem?.what).toContain(what);
  expect(pretty).toBe("");
});

test("agrees with the browser's own reader about what is JSON", () => {
  const texts = [
    '"\\x"',
    '"\\u12"',
    "-",
    "-0",
    "1.",
    ".5",
    "1e",
    "+1",
    "[,]",
    "nul",
    "nulll",
    "\u00a01",
    '"\u2028"',
    "{}{}",
    "-1.5E-7",
  ];
  const isJson = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  expect(texts.filter((text) => checkJson(text).problem === null)).toEqual(texts.filter(isJson));
});

test("a position is a line and a column", () => {
  expect(lineOf("ab\ncd", 4)).toEqual({ line: 2, column: 2 });
  expect(lineOf("", 0)).toEqual({ line: 1, column: 1 });
});

import { describe, expect, it } from "vitest";
import {
  attributeTerm,
  pieces,
  quoteValue,
  stance,
  termOf,
  toggled,
  withoutMatches,
  withoutTerm,
  withTerm,
} from "../../src/format/query";

const kinds = (text: string) => pieces(text).map((piece) => `${piece.kind}:${text.slice(piece.start, piece.end)}`);
const solid = (text: string) => kinds(text).filter((kind) => !kind.startsWith("space"));

describe("pieces of a query", () => {
  it("names words, phrases, keys, operators and values", () => {
    expect(solid('timeout "connection reset" dur:>=2s -status:failed')).toEqual([
      "word:timeout",
      'phrase:"connection reset"',
      "key:dur",
      "operator::>=",
      "value:2s",
      "negation:-",
      "key:status",
      "operator::",
      "value:failed",
    ]);
  });

  it("reads the values of a group, and keywords only where they stand alone", () => {
    expect(solid("task:(a OR b:c) ORDER OR x")).toEqual([
      "key:task",
      "operator::",
      "paren:(",
      "value:a",
      "keyword:OR",
      "value:b:c",
      "paren:)",
      "word:ORDER",
      "keyword:OR",
      "word:x",
    ]);
  });

  it("takes a time with colons as one value, and a quoted key", () => {
    expect(solid('time:14:02 "a key":"a value"*')).toEqual([
      "key:time",
      "operator::",
      "value:14:02",
      'key:"a key"',
      "operator::",
      'value:"a value"*',
    ]);
  });

  it.each(['"open', "a:", ":", "((", "))", '"\\', "-", "a:>", "--a", "a:-b", 'a"b"', "\t ", '"x"y', "a:(", "*"])(
    "covers every character of %j once",
    (text) => {
      const found = pieces(text);
      expect(found.map((piece) => text.slice(piece.start, piece.end)).join("")).toBe(text);
      expect(found.every((piece) => piece.end > piece.start)).toBe(true);
    },
  );
});

describe("terms of a query", () => {
  it("quotes what needs it", () => {
    expect([quoteValue("a-b"), quoteValue("a b"), quoteValue('say "x"'), quoteValue(">5"), quoteValue("")]).toEqual([
      "a-b",
      '"a b"',
      '"say \\"x\\""',
      '">5"',
      '""',
    ]);
    expect(termOf("a key", "5*")).toBe('"a key":"5*"');
  });

  it("finds an attribute by its value, also one that is called like a field", () => {
    expect(attributeTerm("user.id", 5)).toBe("user.id:5");
    expect(attributeTerm("status", "a b")).toBe('attr.status:"a b"');
    expect(attributeTerm("run.x", true)).toBe("attr.run.x:true");
    expect(attributeTerm("nothing", null)).toBe("nothing:null");
    expect(attributeTerm("id", 12345678901234567890n)).toBe("id:12345678901234567890");
    for (const value of [[1], "x".repeat(500)]) expect(attributeTerm("key", value)).toBeNull();
  });

  it("adds a term once, to what is there", () => {
    expect(withTerm("", "task:a")).toBe("task:a");
    expect(withTerm("timeout  dur:>2s", "task:a")).toBe("timeout dur:>2s task:a");
    expect(withTerm("task:a x", "task:a")).toBe("task:a x");
  });

  it("widens to either of two values of a key, but narrows with tags", () => {
    expect(withTerm("status:FAILED x", "status:CRASHED")).toBe("status:(FAILED OR CRASHED) x");
    expect(withTerm("status:(FAILED OR CRASHED)", "status:EXPIRED")).toBe("status:(FAILED OR CRASHED OR EXPIRED)");
    expect(withTerm("tag:a", "tag:b")).toBe("tag:a tag:b");
    expect(withTerm("dur:>2s", "dur:5s")).toBe("dur:>2s dur:5s");
  });

  it("turns a term round", () => {
    expect(withTerm("-task:a x", "task:a")).toBe("x task:a");
    expect(withoutMatches("x task:(a OR b)", "task:a")).toBe("x task:b -task:a");
    expect(withTerm("NOT task:a", "task:a")).toBe("task:a");
  });

  it("goes around an OR at the top", () => {
    expect(withTerm("a OR b", "task:a")).toBe("(a OR b) task:a");
    expect(withoutMatches("(a OR b)", "task:a")).toBe("(a OR b) -task:a");
  });

  it("removes a term, alone and from a group", () => {
    expect(withoutTerm("x task:a y", "task:a")).toBe("x y");
    expect(withoutTerm("task:(a OR b)", "task:b")).toBe("task:a");
    expect(withoutTerm("-task:a", "task:a")).toBe("");
    expect(withoutTerm('task:"a b" -"task:a b"', 'task:"a b"')).toBe('-"task:a b"');
  });

  it("says what a query does with a term", () => {
    expect(stance("task:(a OR b) -task:c", "task:b")).toBe("for");
    expect(stance("task:(a OR b) -task:c", "task:c")).toBe("out");
    expect(stance("task:(a OR b)", "task:d")).toBeNull();
  });

  it("toggles there and back", () => {
    const once = toggled("x", "task:a");
    expect([once, toggled(once, "task:a")]).toEqual(["x task:a", "x"]);
    const out = toggled("x", "task:a", true);
    expect([out, toggled(out, "task:a", true)]).toEqual(["x -task:a", "x"]);
  });
});

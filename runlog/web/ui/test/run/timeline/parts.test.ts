import { describe, expect, it } from "vitest";
import { bytesOf, decodeBase64 } from "../../../src/run/timeline/decode";
import { commonText, templateHash } from "../../../src/run/timeline/families";
import { indentOf } from "../../../src/run/timeline/look";
import { ATTEMPT, DATABASE, DELAY, HTTP, PLAIN, roleOf, TRIGGER, WAIT } from "../../../src/run/timeline/roles";
import { hexOf, SpanMap, wordsOf } from "../../../src/run/timeline/spans";
import { random } from "./traces";

describe("base64", () => {
  it("is decoded the same with and without the browser's own", () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length) & 255);
      const text = btoa(String.fromCharCode(...bytes));
      expect(decodeBase64(text)).toEqual(bytes);
      expect(new Uint8Array(bytesOf(text))).toEqual(bytes);
    }
  });
});

describe("indentation", () => {
  it("leaves room for the names however deep they are", () => {
    expect(indentOf(230, 4)).toBe(16);
    expect(indentOf(230, 40)).toBe(5);
    for (const levels of [200, 5000]) expect(indentOf(150, levels) * levels).toBeLessThanOrEqual(150);
  });
});

describe("the map of spans", () => {
  it("finds each of many ids, and no other", () => {
    const next = random(4);
    const map = new SpanMap();
    const known = new Map<string, number>();
    for (let index = 0; index < 20_000; index++) {
      const [high, low] = [Math.floor(next() * 2 ** 32), Math.floor(next() * 50)];
      map.set(high, low, index);
      known.set(`${high} ${low}`, index);
    }
    for (const [key, value] of known) {
      const [high, low] = key.split(" ").map(Number) as [number, number];
      expect(map.get(high, low)).toBe(value);
    }
    expect(map.get(1, 99)).toBeLessThan(0);
  });

  it("reads ids as they are written", () => {
    for (const id of ["00000000000000aa", "0102030405060708", "ffeeddccbbaa9988"]) {
      expect(hexOf(...wordsOf(id))).toBe(id);
      const bytes = Uint8Array.from({ length: 8 }, (_, at) => Number.parseInt(id.slice(at * 2, at * 2 + 2), 16));
      expect(Array.from(new Uint32Array(bytes.buffer))).toEqual(wordsOf(id));
    }
  });
});

describe("what texts have in common", () => {
  it("is the same for texts that differ in numbers and ids only", () => {
    const same = (one: string, other: string) => templateHash(one, 0) === templateHash(other, 0);
    expect(same("HTTP GET /users/12", "HTTP GET /users/9f8e7d")).toBe(true);
    expect(same("took 3 ms", "took 31 ms")).toBe(true);
    expect(same("HTTP GET /users/12", "HTTP GET /users/me")).toBe(false);
    expect(same("HTTP GET /users", "HTTP GET /orders")).toBe(false);
    expect(same("x1", "x1 ")).toBe(false);
    expect(templateHash("a", 1)).not.toBe(templateHash("a", 2));
  });

  it("is written with … where they differ", () => {
    expect(commonText(["GET /v1/users/1/a", "GET /v1/users/22/a"])).toBe("GET /v1/users/…/a");
    expect(commonText(["save", "save"])).toBe("save");
    expect(commonText(["id 0a-1b", "id 2c-3d"])).toBe("id …");
  });
});

describe("roles", () => {
  it("are known by the names that runlog gives", () => {
    expect(
      [
        "Attempt 2",
        "Retry #1 delay",
        "wait.for_token()",
        "sync.batch_trigger_and_wait()",
        "HTTP GET /x",
        "INSERT users",
      ].map(roleOf),
    ).toEqual([ATTEMPT, DELAY, WAIT, TRIGGER, HTTP, DATABASE]);
    expect(roleOf("Attempt to pay")).toBe(PLAIN);
  });
});

import { expect, test } from "vitest";
import { JsonTree, jsonText, parseJson, pathOf, preview } from "../../src/format/json";

test("integers beyond a float's reach are kept, in and out", () => {
  const text =
    '{"id":9007199254740993,"at":1.5,"small":7,"list":[-12345678901234567890,"bigint:1"],"12345678901234567890":"\\"98765432109876543210"}';
  expect(jsonText(parseJson(text), 0)).toBe(text);
  expect(parseJson("12345678901234567890")).toBe(12345678901234567890n);
  expect(parseJson('"12345678901234567890"')).toBe("12345678901234567890");
  expect(jsonText({ id: 9007199254740993n, none: undefined, list: [undefined] }, 0)).toBe(
    '{"id":9007199254740993,"list":[null]}',
  );
  expect(jsonText(parseJson('{"a":[],"b":{},"c":[1,{"d":null}]}'))).toBe(
    JSON.stringify({ a: [], b: {}, c: [1, { d: null }] }, null, 2),
  );
});

test("a small tree is open at first, of a large one as much as one can read", () => {
  const small = new JsonTree({ user: { id: 1, tags: ["a", "b"] }, ok: true });
  expect(small.rows.map((row) => [row.depth, row.key])).toEqual([
    [0, null],
    [1, "user"],
    [2, "id"],
    [2, "tags"],
    [3, 0],
    [3, 1],
    [1, "ok"],
  ]);
  const large = new JsonTree(Array.from({ length: 100_000 }, (_, at) => ({ at })));
  expect(large.rows).toHaveLength(100_001);
  expect(large.rows[1]?.open).toBe(false);
  expect(large.openAll()).toBe(false); // and whoever shows it has to say so
  expect(large.rows).toHaveLength(200_000);
});

test("nodes open, close, and say where they are", () => {
  const tree = new JsonTree({ "a b": [{ name: "x" }] });
  const name = tree.rows.at(-1);
  expect(name && pathOf(name)).toBe('["a b"][0].name');
  const list = tree.rows[1];
  if (list) tree.toggle(list);
  expect(tree.rows).toHaveLength(2);
  tree.closeAll();
  expect(tree.rows).toHaveLength(2);
});

test("what is searched is found in keys and values, and shown", () => {
  const tree = new JsonTree({ users: [{ Mail: "ada@example.com" }, { age: 36, ok: null }], n: 3 });
  tree.closeAll();
  const found = tree.find("mail");
  expect(found).toHaveLength(1);
  const row = tree.reveal(found[0] as never);
  expect(tree.rows[row]?.value).toBe("ada@example.com");
  expect(tree.find("36")).toHaveLength(1);
  expect(tree.find("NULL")).toHaveLength(1);
  expect(tree.find("nothing")).toEqual([]);
});

test("a key is data, also one that is a name of the language", () => {
  const value = parseJson('{"__proto__":{"a":1},"constructor":2}');
  expect(new JsonTree(value).rows.map((row) => row.key)).toEqual([null, "__proto__", "a", "constructor"]);
  expect(jsonText(value, 0)).toBe('{"__proto__":{"a":1},"constructor":2}');
});

test("a closed node says in a few words what it holds", () => {
  expect(preview({ id: 1, name: 2 })).toBe("{id, name}");
  expect(preview([1, "a", {}, [2]])).toBe('[1, "a", {…}, […]]');
  expect(preview({ aaaa: 1, bbbb: 2 }, 5)).toBe("{aaaa, …}");
});

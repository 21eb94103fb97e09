import { expect, test } from "vitest";
import { bounds, routes, type Schema, typeWords } from "../../src/openapi/schema";

const REF = { $ref: "#/components/schemas/RunRow" };

test.each<[Schema, string]>([
  [REF, "<RunRow>"],
  [{ type: "array", items: REF }, "<RunRow>[]"],
  [{ type: "array", items: { anyOf: [REF, { type: "null" }] } }, "(<RunRow> | null)[]"],
  [{ enum: ["view", "operate"] }, '"view" | "operate"'],
  [{ type: "array", prefixItems: [{ type: "string" }, REF], items: false }, "[string, <RunRow>]"],
  [{ type: "object", additionalProperties: { type: "integer" } }, "{[key]: integer}"],
  [{}, "any"],
])("a type as it is read", (schema, text) => {
  expect(
    typeWords(schema)
      .map((word) => (word.ref ? `<${word.text}>` : word.text))
      .join(""),
  ).toBe(text);
});

test("routes, with what they take and answer", () => {
  const [one, other] = routes({
    info: { title: "runlog", version: "1" },
    paths: {
      "/api/runs": {
        get: {
          summary: "Runs.",
          tags: ["runs"],
          "x-scope": "view",
          parameters: [{ name: "q", in: "query" }],
          responses: { "200": { content: { "application/json": { schema: REF } } } },
        },
        post: { "x-scope": null, requestBody: { content: { "application/json": { schema: { type: "object" } } } } },
      },
    },
  });
  expect(one).toMatchObject({ method: "GET", scope: "view", group: "runs", answer: REF, media: "application/json" });
  expect(other).toMatchObject({ method: "POST", scope: "", body: { type: "object" }, answer: null });
});

test("bounds", () => {
  expect(bounds({ type: "integer", default: 50, minimum: 1, maximum: 1000 })).toBe(
    "default 50, at least 1, at most 1000",
  );
});

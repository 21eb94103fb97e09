import { expect, test } from "vitest";
import type { Piece, RunRow } from "../../src/api/types";
import { sentence } from "../../src/run/headline";

const pieces = (status: string, words: string, message = ""): Piece[] => [
  { text: "✗ ", style: "bad" },
  { text: "run_1", style: "source" },
  { text: " ", style: "" },
  { text: "charge", style: "task" },
  { text: " ", style: "" },
  { text: status, style: "bad" },
  { text: words, style: "" },
  { text: message, style: "message" },
];
const run = (status: string, more: object = {}) =>
  ({ status, created: 1, started: 2, changed: 3, available: null, ...more }) as unknown as RunRow;

test("an ended run's sentence is what comes after its state", () => {
  expect(
    sentence(pieces("FAILED", " on attempt 2 of 2 after 508 ms", ": ConnectError in HTTP POST /charge"), run("FAILED")),
  ).toEqual([
    { kind: "text", text: " on attempt 2 of 2 after 508 ms", style: "" },
    { kind: "text", text: ": ", style: "" },
    { kind: "text", text: "ConnectError in HTTP POST /charge", style: "message" },
  ]);
  expect(sentence(pieces("COMPLETED", ""), run("COMPLETED"))).toEqual([]);
});

test("what goes on is counted by the page, from what the run says", () => {
  expect(sentence(pieces("EXECUTING", " for 1.2 s, on attempt 2, in fetch"), run("EXECUTING"))).toEqual([
    { kind: "text", text: " for ", style: "" },
    { kind: "since", time: 2 },
    { kind: "text", text: ", on attempt 2, in fetch", style: "" },
  ]);
  expect(sentence(pieces("WAITING", " for 1.2 s: for the token x"), run("WAITING"))[1]).toEqual({
    kind: "since",
    time: 3,
  });
  expect(
    sentence(
      pieces("DELAYED", ", tries again in 9 min 59 s, at 13:40:34 (attempt 1 failed)"),
      run("DELAYED", { available: 9 }),
    ),
  ).toEqual([
    { kind: "text", text: ", tries again ", style: "" },
    { kind: "until", time: 9 },
    { kind: "text", text: " (attempt 1 failed)", style: "" },
  ]);
  expect(
    sentence(pieces("DELAYED", ", starts as soon as a worker is free"), run("DELAYED", { available: 9 })),
  ).toHaveLength(1);
});

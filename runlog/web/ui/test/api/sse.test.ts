import { expect, test } from "vitest";
import { EventParser, type ServerEvent } from "../../src/api/sse";

const STREAM = [
  "\uFEFF: hello\r\n",
  "retry: 1000\n\n",
  'id: 1.2\nevent: trace\ndata: {"a":1}\n\n',
  "data: two\r\ndata:  lines\r\rdata\n\n",
  "event: lonely\n\n",
  "id: 3.0\nevent: run\ndata: é–𝄞\nunknown: x\nretry: soon\n\n",
].join("");

const EVENTS: ServerEvent[] = [
  { event: "trace", data: '{"a":1}', id: "1.2" },
  { event: "message", data: "two\n lines", id: "1.2" },
  { event: "message", data: "", id: "1.2" },
  { event: "run", data: "é–𝄞", id: "3.0" },
];

test("reads events, comments, ids and every kind of line end", () => {
  const parser = new EventParser();
  expect(parser.push(STREAM)).toEqual(EVENTS);
  expect(parser.retry).toBe(1000);
});

test("is the same wherever the stream is cut", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const parser = new EventParser();
    expect([...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))]).toEqual(EVENTS);
  }
  const parser = new EventParser();
  expect([...STREAM].flatMap((character) => parser.push(character))).toEqual(EVENTS);
});

test("an event that is not finished is not there", () => {
  const parser = new EventParser();
  expect(parser.push("data: half\n")).toEqual([]);
  expect(parser.push("\n")).toEqual([{ event: "message", data: "half", id: "" }]);
});

import { expect, test } from "vitest";
import { httpCall, statusKind, statusReason } from "../../src/format/http";

test("a client's call: method, URL, status, headers in their order", () => {
  const call = httpCall([
    ["http.request.method", "GET"],
    ["url.full", "http://127.0.0.1:8000/users/1?page=2"],
    ["http.request.header.x-request-id", ["a", "b"]],
    ["http.response.header.content-type", "text/plain"],
    ["http.response.status_code", 503],
    ["network.protocol.version", "1.1"],
  ]);
  expect(call).toMatchObject({
    method: "GET",
    url: "http://127.0.0.1:8000/users/1?page=2",
    status: 503,
    protocol: "1.1",
  });
  expect(call?.requestHeaders).toEqual([
    { name: "x-request-id", values: ["a", "b"], key: "http.request.header.x-request-id" },
  ]);
  expect(call?.responseHeaders.map((header) => header.values)).toEqual([["text/plain"]]);
});

test("a server's call has no full URL: it is put together; the old names are understood", () => {
  expect(
    httpCall([
      ["http.request.method", "_OTHER"],
      ["http.request.method_original", "PURGE"],
      ["url.scheme", "https"],
      ["server.address", "example.com"],
      ["server.port", 443],
      ["url.path", "/a"],
      ["url.query", "b=1"],
    ]),
  ).toMatchObject({ method: "PURGE", url: "https://example.com/a?b=1", status: null });
  expect(
    httpCall([
      ["http.method", "POST"],
      ["http.status_code", "201"],
      ["http.scheme", "http"],
      ["http.host", "localhost:5000"],
      ["http.target", "/x?y=1"],
    ]),
  ).toMatchObject({ method: "POST", url: "http://localhost:5000/x?y=1", status: 201 });
});

test("attributes without a method are no call, whatever their keys are", () => {
  expect(httpCall([["url.full", "http://x"]])).toBeNull();
  expect(httpCall([["__proto__", "GET"]])).toBeNull();
  expect(httpCall([["http.request.method", 5]])).toBeNull();
});

test("statuses are judged by their hundreds", () => {
  expect([null, 204, 304, 404, 503].map(statusKind)).toEqual(["none", "ok", "redirect", "client", "server"]);
  expect(statusReason(503)).toBe("Service Unavailable");
});

// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type LiveState, type LiveStream, liveStatus, openLive, retryNow } from "../../src/api/live";
import { acceptToken, token } from "../../src/api/token";

/** A server that the test plays: each request of the page, answered by hand. */
class FakeServer {
  requests: {
    url: URL;
    headers: Headers;
    signal: AbortSignal;
    answer: (response: Response) => void;
    fail: (error: unknown) => void;
  }[] = [];

  fetch = (path: string, options: RequestInit): Promise<Response> =>
    new Promise((answer, fail) => {
      const signal = options.signal as AbortSignal;
      signal.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError")));
      this.requests.push({
        url: new URL(path, location.origin),
        headers: new Headers(options.headers),
        signal,
        answer,
        fail,
      });
    });

  get last() {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error("nothing was asked");
    return request;
  }

  async stream(): Promise<ReadableStreamDefaultController<Uint8Array>> {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const { signal } = this.last;
    const body = new ReadableStream<Uint8Array>({
      start: (it) => {
        controller = it;
        signal.addEventListener("abort", () => it.error(new DOMException("aborted", "AbortError")));
      },
    });
    this.last.answer(new Response(body));
    await settled();
    if (controller === undefined) throw new Error("no stream");
    return controller;
  }
}

let server: FakeServer;
let stream: LiveStream | null = null;
const states: LiveState[] = [];
const got: unknown[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  states.length = 0;
  got.length = 0;
  acceptToken("token-of-the-test");
});

afterEach(() => {
  stream?.close();
  stream = null;
  visible(true);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("hands out events and keeps the cursor", async () => {
  open("5.1");
  expect(server.last.url.search).toBe("?view=run&run=r1&after=5.1");
  expect(server.last.headers.get("Last-Event-ID")).toBe("5.1");
  expect(server.last.headers.get("Authorization")).toBe("Bearer token-of-the-test");
  const sent = await server.stream();
  expect(states).toEqual(["connecting", "live"]);
  await say(sent, 'id: 6.1\nevent: trace\ndata: {"n":1}\n\nid: 7.1\nevent: tra');
  await say(sent, 'ce\ndata: {"n":2}\n\n');
  expect(got).toEqual([{ n: 1 }, { n: 2 }]);
  expect(stream?.position()).toBe("7.1");
});

test("hands out numbers with all of their digits", async () => {
  open("5.1");
  const sent = await server.stream();
  await say(sent, 'id: 6.1\nevent: trace\ndata: {"n":9007199254740993,"text":"9007199254740993"}\n\n');
  expect(got).toEqual([{ n: 9007199254740993n, text: "9007199254740993" }]);
});

test("a lost connection is tried again after longer and longer waits, from the cursor", async () => {
  open("1.0");
  const sent = await server.stream();
  await say(sent, "retry: 400\nid: 2.0\nevent: trace\ndata: 1\n\n");
  sent.close();
  await settled();
  expect(liveStatus.value).toMatchObject({ state: "lost", retryAt: Date.now() + 400 });
  const waits: number[] = [];
  for (let round = 0; round < 7; round++) {
    const asked = server.requests.length;
    const { retryAt } = liveStatus.value;
    waits.push(retryAt - Date.now());
    await vi.advanceTimersByTimeAsync(retryAt - Date.now());
    expect(server.requests).toHaveLength(asked + 1);
    server.last.fail(new TypeError("refused"));
    await settled();
  }
  expect(waits).toEqual([400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  expect(server.last.headers.get("Last-Event-ID")).toBe("2.0");
  retryNow();
  await server.stream();
  expect(states.at(-1)).toBe("live");
});

test("is closed while the tab is hidden and resumed with the cursor", async () => {
  open("1.0");
  const sent = await server.stream();
  await say(sent, "id: 9.9\nevent: trace\ndata: 1\n\n");
  visible(false);
  await settled();
  expect(server.last.signal.aborted).toBe(true);
  expect(states.at(-1)).toBe("hidden");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.requests).toHaveLength(1);
  visible(true);
  await server.stream();
  expect(server.last.headers.get("Last-Event-ID")).toBe("9.9");
  expect(states.at(-1)).toBe("live");
});

test("is not opened at all in a tab that is hidden", () => {
  visible(false);
  open("1.0");
  expect(server.requests).toHaveLength(0);
  expect(liveStatus.value.state).toBe("hidden");
});

test("one stream a tab", async () => {
  open("1.0");
  await server.stream();
  const first = server.last;
  open("2.0");
  expect(first.signal.aborted).toBe(true);
  await server.stream();
  expect(liveStatus.value.state).toBe("live");
});

test("a connection that says nothing is a dead one", async () => {
  open("1.0");
  const sent = await server.stream();
  await vi.advanceTimersByTimeAsync(39_000);
  await say(sent, ": ping\n\n");
  await vi.advanceTimersByTimeAsync(39_000);
  expect(states.at(-1)).toBe("live");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(liveStatus.value).toMatchObject({ state: "lost", why: "The server has gone silent" });
});

test("a refused token waits for another one", async () => {
  open("1.0");
  server.last.answer(problem(401, "unauthorized", "no such token"));
  await settled();
  expect(token.value).toBeNull();
  expect(liveStatus.value).toMatchObject({ state: "lost", retryAt: 0 });
  acceptToken("another-token");
  await settled();
  expect(server.last.headers.get("Authorization")).toBe("Bearer another-token");
  await server.stream();
  expect(states.at(-1)).toBe("live");
});

test("what the server refuses for good is not asked again", async () => {
  open("1.0");
  server.last.answer(problem(400, "bad-query", "the query ends too early"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.requests).toHaveLength(1);
  expect(liveStatus.value).toMatchObject({ state: "lost", retryAt: 0, why: "the query ends too early" });
});

test("the end of a run ends its stream", async () => {
  open("1.0");
  const sent = await server.stream();
  await say(sent, "event: end\ndata: null\n\n");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states.at(-1)).toBe("ended");
  expect(server.requests).toHaveLength(1);
});

test("a handler that fails does not end the stream", async () => {
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  stream = openLive({}, "1.0", { trace: (data) => (data === 1 ? fails() : got.push(data)) }, () => {});
  const sent = await server.stream();
  await say(sent, "event: trace\ndata: 1\n\nevent: trace\ndata: 2\n\n");
  expect(got).toEqual([2]);
  expect(reported).toHaveBeenCalledOnce();
});

function open(position: string): void {
  stream = openLive({ view: "run", run: "r1" }, position, { trace: (data) => got.push(data) }, (state) =>
    states.push(state),
  );
}

function fails(): never {
  throw new Error("the view");
}

async function say(sent: ReadableStreamDefaultController<Uint8Array>, text: string): Promise<void> {
  sent.enqueue(new TextEncoder().encode(text));
  await settled();
}

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

function visible(is: boolean): void {
  Object.defineProperty(document, "visibilityState", { value: is ? "visible" : "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

function problem(status: number, code: string, what: string): Response {
  return new Response(JSON.stringify({ error: { code, what } }), { status });
}

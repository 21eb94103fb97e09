// The live stream: server-sent events read with fetch, because an EventSource cannot send the bearer token.
// One stream a tab; closed while the tab is hidden, resumed with the cursor.
import { type ReadonlySignal, signal } from "@preact/signals";
import { parseJson } from "../format/json";
import { ApiError, authorization, isAbort, problemOf, withParams } from "./client";
import { EventParser, type ServerEvent } from "./sse";
import { refuseToken, token } from "./token";

export type LiveState = "connecting" | "live" | "hidden" | "lost" | "ended";

export interface LiveStatus {
  /** off: this view has no stream. */
  state: LiveState | "off";
  /** When the next try is made, milliseconds since 1970; 0 when none is planned. */
  retryAt: number;
  /** Why the stream was lost. */
  why: string;
}

export interface LiveStream {
  close(): void;
  position(): string;
}

export type LiveHandlers = Record<string, (data: unknown) => void>;

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** The server says something each 15 s. */
const SILENCE = 40_000;

const status = signal<LiveStatus>({ state: "off", retryAt: 0, why: "" });
/** What the shell shows. */
export const liveStatus: ReadonlySignal<LiveStatus> = status;

let current: Stream | null = null;

/**
 * Open the stream of a view from `position` on. `handlers` are called by event name with the decoded data. A stream
 * that was open before is closed. After `end` the stream is over and is not opened again.
 */
export function openLive(
  params: Record<string, string>,
  position: string,
  handlers: LiveHandlers,
  onState: (state: LiveState) => void,
): LiveStream {
  current?.close();
  const stream = new Stream(params, position, handlers, onState);
  current = stream;
  stream.start();
  return stream;
}

/** Do not wait for the next try. */
export function retryNow(): void {
  current?.retry();
}

class Stream implements LiveStream {
  private cursor: string;
  private state: LiveState | null = null;
  private closed = false;
  private failures = 0;
  private firstWait = FIRST_WAIT;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private attempt: AbortController | null = null;
  private stopToken: (() => void) | null = null;

  constructor(
    private readonly params: Record<string, string>,
    position: string,
    private readonly handlers: LiveHandlers,
    private readonly onState: (state: LiveState) => void,
  ) {
    this.cursor = position;
  }

  position(): string {
    return this.cursor;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.onVisibility);
    this.onVisibility();
  }

  close(): void {
    if (this.closed) return;
    this.stop();
    if (current === this) {
      current = null;
      status.value = { state: "off", retryAt: 0, why: "" };
    }
  }

  retry(): void {
    if (this.state !== "lost") return;
    clearTimeout(this.waiting);
    this.connect();
  }

  private readonly onVisibility = (): void => {
    if (document.visibilityState === "hidden") {
      clearTimeout(this.waiting);
      this.attempt?.abort();
      this.tell("hidden");
    } else if (this.state === null || this.state === "hidden") {
      this.failures = 0;
      this.connect();
    }
  };

  private stop(): void {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.waiting);
    this.stopToken?.();
    this.attempt?.abort();
  }

  private connect(): void {
    if (token.value === null) {
      this.waitForToken();
      return;
    }
    const attempt = new AbortController();
    this.attempt = attempt;
    this.tell("connecting");
    this.read(attempt).catch((error: unknown) => {
      if (attempt.signal.aborted && !(error instanceof Silent)) return;
      if (attempt === this.attempt && !this.closed) this.failed(error);
    });
  }

  private waitForToken(): void {
    this.lost("This page needs its link", 0);
    this.stopToken?.();
    this.stopToken = token.subscribe((value) => {
      if (value === null || this.closed) return;
      queueMicrotask(() => {
        this.stopToken?.();
        this.stopToken = null;
        if (!this.closed && this.state === "lost") this.connect();
      });
    });
  }

  private async read(attempt: AbortController): Promise<void> {
    const used = token.value;
    const answer = await fetch(withParams("/api/live", { ...this.params, after: this.cursor }), {
      headers: {
        ...authorization(),
        Accept: "text/event-stream",
        ...(this.cursor && { "Last-Event-ID": this.cursor }),
      },
      cache: "no-store",
      signal: attempt.signal,
    });
    if (!answer.ok) {
      if (answer.status === 401 && used !== null) refuseToken(used);
      throw new ApiError(answer.status, await problemOf(answer));
    }
    if (answer.body === null) throw new ApiError(0, { code: "internal", what: "The stream is empty" });
    this.failures = 0;
    this.tell("live");
    await this.follow(answer.body.getReader(), attempt);
    if (!this.closed && !attempt.signal.aborted)
      throw new ApiError(0, { code: "closed", what: "The server closed the stream" });
  }

  private async follow(reader: ReadableStreamDefaultReader<Uint8Array>, attempt: AbortController): Promise<void> {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for (;;) {
      const part = await beforeSilence(reader, attempt);
      if (part.done) return;
      for (const event of parser.push(decoder.decode(part.value, { stream: true }))) {
        if (this.closed || attempt.signal.aborted) return;
        this.dispatch(event);
      }
      this.firstWait = parser.retry ?? FIRST_WAIT;
    }
  }

  private dispatch(event: ServerEvent): void {
    try {
      this.handlers[event.event]?.(parseJson(event.data));
    } catch (error) {
      reportError(error); // a view that fails at one event still gets the next
    }
    if (event.id !== "") this.cursor = event.id;
    if (event.event === "end" && !this.closed) {
      this.tell("ended");
      this.stop();
    }
  }

  private failed(error: unknown): void {
    const api = error instanceof ApiError ? error : null;
    const why = api?.problem.what ?? "The server does not answer";
    if (api?.status === 401) {
      this.waitForToken();
      return;
    }
    if (api !== null && api.status >= 400 && api.status < 500 && api.status !== 429) {
      this.lost(why, 0); // trying the same again does not help
      return;
    }
    const longest = Math.min(LONGEST_WAIT, this.firstWait * 2 ** this.failures);
    this.failures += 1;
    const wait = longest * (0.5 + Math.random() / 2);
    this.lost(why, Date.now() + wait);
    this.waiting = setTimeout(() => this.connect(), wait);
  }

  private lost(why: string, retryAt: number): void {
    this.tell("lost", retryAt, why);
  }

  private tell(state: LiveState, retryAt = 0, why = ""): void {
    if (this.closed) return;
    status.value = { state, retryAt, why };
    if (this.state === state) return;
    this.state = state;
    this.onState(state);
  }
}

class Silent extends ApiError {
  constructor() {
    super(0, { code: "silent", what: "The server has gone silent" });
  }
}

/** The next part of the stream. A connection that says nothing for too long is a dead one. */
async function beforeSilence(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  attempt: AbortController,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    attempt.abort();
  }, SILENCE);
  try {
    return await reader.read();
  } catch (error) {
    if (silent) throw new Silent();
    if (isAbort(error)) return { done: true, value: undefined };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

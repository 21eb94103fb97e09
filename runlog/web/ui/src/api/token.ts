// The bearer token: it comes in the link's fragment, leaves the address bar at once, and lives as long as the tab.
import { type ReadonlySignal, signal } from "@preact/signals";

const KEY = "runlog.token";
const SHAPE = /^[\w.~-]{8,256}$/;
/** Long enough for another tab to answer, short enough not to be noticed. */
const ASK_FOR = 250;

const held = signal<string | null>(null);
const refusedTokens = new Set<string>();
let channel: BroadcastChannel | null = null;

export const token: ReadonlySignal<string | null> = held;

/** Take the token from the address or from this tab's storage, and answer other tabs from now on. */
export function startToken(): void {
  listen();
  const found = takeFragment() ?? stored();
  if (found) keep(found);
}

/** Use a pasted link or token. False: it does not look like one. */
export function acceptToken(text: string): boolean {
  const trimmed = text.trim();
  const found = fragmentToken(trimmed.slice(trimmed.indexOf("#") + 1)) ?? trimmed;
  if (!SHAPE.test(found)) return false;
  refusedTokens.delete(found);
  keep(found);
  channel?.postMessage({ kind: "token", token: found });
  return true;
}

/** The server refused this token: forget it. */
export function refuseToken(text: string): void {
  refusedTokens.add(text);
  if (held.value !== text) return;
  held.value = null;
  write(null);
}

/** Ask the other tabs of this page for the token. */
export function askOtherTabs(): Promise<boolean> {
  if (held.value !== null) return Promise.resolve(true);
  if (channel === null) return Promise.resolve(false);
  channel.postMessage({ kind: "ask" });
  return new Promise((resolve) => {
    const stop = held.subscribe((value) => {
      if (value === null) return;
      clearTimeout(timer);
      queueMicrotask(() => stop());
      resolve(true);
    });
    const timer = setTimeout(() => {
      stop();
      resolve(false);
    }, ASK_FOR);
  });
}

function listen(): void {
  if (channel !== null || typeof BroadcastChannel === "undefined") return;
  channel = new BroadcastChannel("runlog");
  channel.onmessage = (message: MessageEvent<{ kind?: unknown; token?: unknown }>) => {
    const { kind, token: offered } = message.data ?? {};
    if (kind === "ask" && held.value !== null) channel?.postMessage({ kind: "token", token: held.value });
    if (kind !== "token" || typeof offered !== "string" || held.value !== null) return;
    if (SHAPE.test(offered) && !refusedTokens.has(offered)) keep(offered);
  };
}

function keep(value: string): void {
  write(value);
  held.value = value;
}

function takeFragment(): string | null {
  const found = fragmentToken(location.hash.slice(1));
  if (found !== null) history.replaceState(history.state, "", location.pathname + location.search);
  return found;
}

function fragmentToken(fragment: string): string | null {
  const found = new URLSearchParams(fragment).get("token");
  return found !== null && SHAPE.test(found) ? found : null;
}

function stored(): string | null {
  try {
    const found = sessionStorage.getItem(KEY);
    return found !== null && SHAPE.test(found) ? found : null;
  } catch {
    return null; // storage is switched off: the token lives as long as the document
  }
}

function write(value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // as above
  }
}

// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const SECRET = "s3cret-token_of.256~bits";

type Module = typeof import("../../src/api/token");

class FakeChannel {
  static all: FakeChannel[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor() {
    FakeChannel.all.push(this);
  }

  postMessage(data: unknown): void {
    for (const other of FakeChannel.all) if (other !== this) queueMicrotask(() => other.onmessage?.({ data }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeChannel.all = [];
  vi.stubGlobal("BroadcastChannel", FakeChannel);
  sessionStorage.clear();
  history.replaceState(null, "", "/runs?q=status:failed");
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("the token leaves the address at once and stays with the tab", async () => {
  history.replaceState(null, "", `/runs?q=status:failed#token=${SECRET}`);
  const tab = await opened();
  expect(location.href).not.toContain(SECRET);
  expect(location.search).toBe("?q=status:failed");
  expect(tab.token.value).toBe(SECRET);
  const reloaded = await opened();
  expect(reloaded.token.value).toBe(SECRET);
});

test("a new tab asks the others", async () => {
  history.replaceState(null, "", `/#token=${SECRET}`);
  await opened();
  sessionStorage.clear();
  const tab = await opened();
  expect(tab.token.value).toBeNull();
  expect(await asked(tab)).toBe(true);
  expect(tab.token.value).toBe(SECRET);
});

test("nobody answers", async () => {
  const tab = await opened();
  expect(await asked(tab)).toBe(false);
});

test("a refused token is forgotten, and not taken from another tab again", async () => {
  history.replaceState(null, "", `/#token=${SECRET}`);
  await opened();
  const tab = await opened();
  tab.refuseToken(SECRET);
  expect(tab.token.value).toBeNull();
  expect(sessionStorage.length).toBe(0);
  expect(await asked(tab)).toBe(false);
});

test("a pasted link or token opens every tab that waits; anything else is said to be none", async () => {
  const waiting = await opened();
  const tab = await opened();
  expect(tab.acceptToken("hello")).toBe(false);
  expect(tab.acceptToken("<script>alert(1)</script>")).toBe(false);
  expect(tab.acceptToken(`  http://127.0.0.1:4477/#token=${SECRET}\n`)).toBe(true);
  await Promise.resolve();
  expect(waiting.token.value).toBe(SECRET);
  expect(tab.acceptToken(SECRET)).toBe(true);
});

async function asked(tab: Module): Promise<boolean> {
  const answer = tab.askOtherTabs();
  await vi.advanceTimersByTimeAsync(1000);
  return answer;
}

/** The module as a new tab has it: with this tab's storage, and nothing in memory. */
async function opened(): Promise<Module> {
  vi.resetModules();
  const module = await import("../../src/api/token");
  module.startToken();
  return module;
}

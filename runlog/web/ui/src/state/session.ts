// Who is asking and what is served; whether the page may ask at all.
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, get } from "../api/client";
import { askOtherTabs, startToken, token } from "../api/token";
import type { Session } from "../api/types";
import { setServerTime } from "./clock";

export type Access =
  | { state: "starting" }
  | { state: "open" }
  /** No token, or one that the server refuses. */
  | { state: "closed"; refused: boolean }
  | { state: "failed"; error: ApiError };

const held = signal<Session | null>(null);
const allowed = signal<Access>({ state: "starting" });
const outdated = signal(false);

export const session: ReadonlySignal<Session | null> = held;
export const access: ReadonlySignal<Access> = allowed;
/** The server is of another version than when this page was loaded. */
export const updated: ReadonlySignal<boolean> = outdated;

/** Find the token and ask who we are. Called once at the start. */
export function startSession(): void {
  startToken();
  let before: string | null = null;
  token.subscribe((value) => {
    const refused = before !== null && value === null;
    before = value;
    queueMicrotask(() => (value === null ? findToken(refused) : refreshSession()));
  });
}

/** Ask again, as after a lost connection. */
export async function refreshSession(): Promise<void> {
  const used = token.value;
  try {
    const answer = await get<Session>("/api/session");
    if (held.value !== null && held.value.version !== answer.version) outdated.value = true;
    setServerTime(answer.time);
    held.value = answer;
    allowed.value = { state: "open" };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 || used !== token.value) return; // the token's change is answered by itself
    if (held.value === null) allowed.value = { state: "failed", error };
  }
}

async function findToken(refused: boolean): Promise<void> {
  if (await askOtherTabs()) return;
  if (token.value === null) allowed.value = { state: "closed", refused };
}

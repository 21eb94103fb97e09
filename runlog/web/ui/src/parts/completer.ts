// What a query box asks the server while one types: completions, and whether the query is understood.
import { signal } from "@preact/signals";
import { get, isAbort } from "../api/client";
import type { Completion, Completions, Problem, QueryCheck } from "../api/types";

const PAUSE = 90;

/** A line of the list below the box. */
export interface Offer extends Completion {
  start: number;
  end: number;
  /** An earlier query, instead of a completion. */
  recent?: boolean;
}

/** Asks when the typing rests; an answer to what was typed before is dropped. */
export class Completer {
  readonly offers = signal<readonly Offer[]>([]);
  readonly problem = signal<Problem | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | null = null;

  constructor(
    private readonly view: "runs" | "logs",
    private readonly ask: typeof get = get,
  ) {}

  typed(text: string, caret: number, recent: readonly string[]): void {
    this.stop();
    if (text.trim() === "") {
      this.offers.value = recent.map((query) => ({
        text: query,
        label: query,
        detail: "",
        start: 0,
        end: text.length,
        recent: true,
      }));
    }
    this.timer = setTimeout(() => void this.complete(text, caret), PAUSE);
  }

  /** Ask only whether it is understood. */
  check(text: string): void {
    this.stop();
    this.offers.value = [];
    this.asking = new AbortController();
    void this.checked(text, this.asking.signal);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
  }

  close(): void {
    this.stop();
    this.offers.value = [];
  }

  private async complete(text: string, caret: number): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    const found = this.ask<Completions>(
      "/api/query/complete",
      { q: text, position: caret, view: this.view },
      asking.signal,
    );
    await Promise.all([this.offered(found), this.checked(text, asking.signal)]);
  }

  private async offered(answer: Promise<Completions>): Promise<void> {
    try {
      const { items, start, end } = await answer;
      const recent = this.offers.peek().filter((offer) => offer.recent);
      this.offers.value = [...recent, ...items.map((item) => ({ ...item, start, end }))];
    } catch (error) {
      if (!isAbort(error)) this.offers.value = []; // completion is a help; without it one types on
    }
  }

  private async checked(text: string, signal: AbortSignal): Promise<void> {
    if (text.trim() === "") {
      this.problem.value = null;
      return;
    }
    try {
      this.problem.value = (await this.ask<QueryCheck>("/api/query/check", { q: text }, signal)).error;
    } catch (error) {
      if (!isAbort(error)) this.problem.value = null; // it is said where the query is used
    }
  }
}

/** The text and the caret after an offer was taken. */
export function taken(text: string, offer: Offer): { text: string; caret: number } {
  const rest = text.slice(offer.end);
  const open = offer.text.endsWith(":") || offer.text.endsWith("(") || offer.recent || /^\s/.test(rest);
  const head = text.slice(0, offer.start) + offer.text + (open ? "" : " ");
  return { text: head + rest, caret: head.length };
}

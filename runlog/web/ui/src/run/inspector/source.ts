// Where the inspector has its events from: the API, or in an exported file the data within it.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, isAbort } from "../../api/client";
import type { Comparison, EventDetail } from "../../api/types";

export interface InspectorSource {
  event(id: number, signal?: AbortSignal): Promise<EventDetail>;
  /** How long others of its kind took; null where that is not known. */
  comparison(id: number, signal?: AbortSignal): Promise<Comparison | null>;
}

export const apiSource: InspectorSource = {
  event: (id, signal) => get<EventDetail>(`/api/events/${id}`, {}, signal),
  comparison: (id, signal) => get<Comparison>(`/api/events/${id}/comparison`, {}, signal),
};

export interface Loaded {
  /** What is shown: of the event before, until this one's data is here. */
  detail: EventDetail | null;
  error: unknown;
  stale: boolean;
  retry: () => void;
}

/** While one goes through rows with a key held down, only where one stops is asked for. */
const REST = 60;
const KEPT = 100;
const kept = new Map<number, EventDetail>();

/** The data of an event, which may be another each time. */
export function useEvent(id: number, source: InspectorSource): Loaded {
  const [state, setState] = useState<{ detail: EventDetail | null; error: unknown; tries: number }>(() => ({
    detail: recall(id),
    error: null,
    tries: 0,
  }));
  const first = useRef(true);
  useEffect(() => {
    const known = recall(id);
    if (known !== null) {
      setState((before) => ({ ...before, detail: known, error: null }));
      return;
    }
    const control = new AbortController();
    const load = async () => {
      try {
        const detail = await source.event(id, control.signal);
        remember(detail);
        setState((before) => ({ ...before, detail, error: null }));
      } catch (error) {
        if (!isAbort(error) && !control.signal.aborted) setState((before) => ({ ...before, error }));
      }
    };
    const timer = setTimeout(load, first.current ? 0 : REST);
    first.current = false;
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [id, source, state.tries]);
  return {
    detail: state.detail,
    error: state.error,
    stale: state.detail?.id !== id,
    retry: () => setState((before) => ({ ...before, error: null, tries: before.tries + 1 })),
  };
}

function recall(id: number): EventDetail | null {
  return kept.get(id) ?? null;
}

/** What is stored does not change, so it may be kept; the oldest go. */
function remember(detail: EventDetail): void {
  kept.set(detail.id, detail);
  for (const id of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(id);
  }
}

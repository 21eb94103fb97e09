import { useEffect, useRef, useState } from "preact/hooks";
import { isAbort } from "../api/client";

export interface Acting {
  isBusy: boolean;
  /** Why it was refused, or failed; null while it was not. */
  error: unknown;
  run: (work: (signal: AbortSignal) => Promise<void>) => Promise<void>;
}

/** Does one thing at a time and keeps what went wrong with the last one. */
export function useAct(): Acting {
  const [state, setState] = useState<{ isBusy: boolean; error: unknown }>({ isBusy: false, error: null });
  const stop = useRef(new AbortController());
  const busy = useRef(false);
  useEffect(() => () => stop.current.abort(), []);
  const run = async (work: (signal: AbortSignal) => Promise<void>) => {
    if (busy.current) return;
    busy.current = true;
    setState({ isBusy: true, error: null });
    let error: unknown = null;
    try {
      await work(stop.current.signal);
    } catch (caught) {
      error = caught;
    }
    busy.current = false;
    if (!stop.current.signal.aborted && !isAbort(error)) setState({ isBusy: false, error });
  };
  return { ...state, run };
}

import { liveStatus, retryNow } from "../api/live";
import { now } from "../state/clock";
import "./live-line.css";

/** How current the page is, in a word. Says nothing where a view has no stream. */
export function LiveLine() {
  const { state, retryAt, why } = liveStatus.value;
  switch (state) {
    case "off":
    case "ended":
      return null;
    case "live":
      return <span class="live live-on">live</span>;
    case "connecting":
      return <span class="live">connecting…</span>;
    case "hidden":
      return <span class="live">paused: tab hidden</span>;
    case "lost":
      return <Lost retryAt={retryAt} why={why} />;
  }
}

function Lost({ retryAt, why }: { retryAt: number; why: string }) {
  if (retryAt === 0) {
    return (
      <span class="live live-lost" title={why}>
        not live<span class="live-long">: {why}</span>
      </span>
    );
  }
  now.value; // counts down
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return (
    <span class="live live-lost" title={why}>
      <span class="live-short">offline</span>
      <span class="live-long">reconnecting{seconds > 0 ? ` in ${seconds} s` : "…"}</span>
      <button type="button" class="text-button" onClick={retryNow}>
        retry now
      </button>
    </span>
  );
}

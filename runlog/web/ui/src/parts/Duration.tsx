import { duration, exactDuration } from "../format/duration";
import { now } from "../state/clock";

/** A duration in nanoseconds; with `since` (milliseconds since 1970) one that goes on. */
export function Duration({ ns, since }: { ns?: number | null; since?: number | null }) {
  if (ns === null || ns === undefined) {
    if (since === null || since === undefined) return <span class="duration none">–</span>;
    return <span class="duration running">{duration(Math.max(0, now.value - since) * 1e6)}</span>;
  }
  return (
    <span class="duration" title={exactDuration(ns)}>
      {duration(ns)}
    </span>
  );
}

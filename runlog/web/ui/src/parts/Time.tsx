import { ago, fullTime, iso, preciseTime, shortTime } from "../format/time";
import { now } from "../state/clock";

export type TimeForm = "short" | "precise" | "full" | "ago";

/** A moment in the viewer's zone. `text` is the exact ISO text where the API has one. */
export function Time({ ms, text, form = "short" }: { ms: number; text?: string | null; form?: TimeForm }) {
  const exact = text || iso(ms);
  return (
    <time class="time" dateTime={exact} title={exact}>
      {written(ms, form)}
    </time>
  );
}

function written(ms: number, form: TimeForm): string {
  if (form === "ago") return ago(ms, now.value);
  if (form === "precise") return preciseTime(ms);
  return form === "full" ? fullTime(ms) : shortTime(ms, now.value);
}

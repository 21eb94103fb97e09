import type { RunDetail } from "../api/types";
import { visible } from "../format/ansi";
import { duration } from "../format/duration";
import { statusLook } from "../format/status";
import { Duration } from "../parts/Duration";
import { Time } from "../parts/Time";
import { Told } from "../parts/Told";
import { now } from "../state/clock";
import { type Part, sentence } from "./headline";

/** "Failed on attempt 3 of 3 after 12.4 s: ConnectError in HTTP GET /users/1" */
export function Sentence({ detail: { headline, run } }: { detail: RunDetail }) {
  return (
    <p class="run-sentence">
      {statusLook(run.status).label}
      {sentence(headline, run).map((part, at) => (
        <Words key={`${at}`} part={part} times={run.times} />
      ))}
    </p>
  );
}

function Words({ part, times }: { part: Part; times: RunDetail["run"]["times"] }) {
  if (part.kind === "since") return <Duration since={part.time} />;
  if (part.kind === "until") {
    const left = part.time - now.value;
    if (left <= 0) return "as soon as a worker is free";
    return (
      <>
        in <span class="duration">{duration(left * 1e6)}</span>, at <Time ms={part.time} />
      </>
    );
  }
  return part.style === "message" ? <strong>{visible(part.text)}</strong> : <Told text={part.text} times={times} />;
}

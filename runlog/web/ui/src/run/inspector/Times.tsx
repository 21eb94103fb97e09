import type { Comparison, EventDetail } from "../../api/types";
import { duration, exactDuration } from "../../format/duration";
import { Duration } from "../../parts/Duration";
import { FactList } from "../../parts/FactList";
import { Time } from "../../parts/Time";
import { comparisonScale, comparisonWords, sinceStart } from "./words";

interface TimesProps {
  detail: EventDetail;
  origin: number | undefined;
  comparison: Comparison | null;
}

/** When, and for how long; the exact texts are one click away. */
export function Times({ detail, origin, comparison }: TimesProps) {
  const isLog = detail.kind === "log";
  return (
    <div class="inspector-times">
      <FactList
        facts={[
          ["Duration", isLog ? null : <Took key="took" detail={detail} comparison={comparison} />],
          [isLog ? "Time" : "Started", moment(detail.time, detail.time_text, origin), detail.time_text],
          detail.end_text === null || detail.duration === null
            ? ["Ended", null]
            : ["Ended", moment(detail.time + detail.duration / 1e6, detail.end_text, origin), detail.end_text],
        ]}
      />
    </div>
  );
}

function Took({ detail, comparison }: { detail: EventDetail; comparison: Comparison | null }) {
  if (detail.duration === null) return <Duration since={detail.time} />;
  return (
    <>
      <strong>{duration(detail.duration)}</strong> <span class="faint number">{exactDuration(detail.duration)}</span>
      {comparison && <Compared comparison={comparison} own={detail.duration} />}
    </>
  );
}

function moment(ms: number, text: string, origin: number | undefined) {
  return (
    <>
      <Time ms={ms} text={text} form="precise" />
      {origin !== undefined && (
        <span class="faint number" title="Since the run was created">
          {" "}
          {sinceStart(ms, origin)}
        </span>
      )}
    </>
  );
}

function Compared({ comparison, own }: { comparison: Comparison; own: number }) {
  const scale = comparisonScale(comparison, own);
  const tone = comparison.slower_than !== null && comparison.slower_than >= 0.95 ? "attention" : "idle";
  const { p50, p95 } = comparison;
  return (
    <div class="compared">
      <p class={tone === "attention" ? "tone-attention" : "soft"}>{comparisonWords(comparison)}</p>
      {scale && p50 !== null && p95 !== null && (
        <>
          <div class="compared-bar" aria-hidden>
            <span
              class="compared-usual"
              style={{ left: `${scale.p50 * 100}%`, width: `${Math.max(0, scale.p95 - scale.p50) * 100}%` }}
            />
            <span class={`compared-own compared-${tone}`} style={{ left: `${scale.at * 100}%` }} />
          </div>
          <p class="faint compared-legend">
            <span>{comparison.fastest !== null && duration(comparison.fastest)}</span>
            <span>
              p50 {duration(p50)} · p95 {duration(p95)}
            </span>
            <span>{comparison.slowest !== null && duration(comparison.slowest)}</span>
          </p>
        </>
      )}
    </div>
  );
}

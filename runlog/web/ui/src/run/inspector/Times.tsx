import type { Comparison, EventDetail } from "../../api/types";
import { duration, exactDuration } from "../../format/duration";
import { iso } from "../../format/time";
import { CopyButton } from "../../parts/CopyButton";
import { Duration } from "../../parts/Duration";
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
    <dl class="facts inspector-times">
      {!isLog && (
        <>
          <dt>Duration</dt>
          <dd>
            {detail.duration === null ? (
              <Duration since={detail.time} />
            ) : (
              <>
                <strong>{duration(detail.duration)}</strong>{" "}
                <span class="faint number">{exactDuration(detail.duration)}</span>
              </>
            )}
            {comparison && detail.duration !== null && <Compared comparison={comparison} own={detail.duration} />}
          </dd>
        </>
      )}
      <dt>{isLog ? "Time" : "Started"}</dt>
      <dd>
        <Moment ms={detail.time} text={detail.time_text} origin={origin} />
      </dd>
      {detail.end_text !== null && detail.duration !== null && (
        <>
          <dt>Ended</dt>
          <dd>
            <Moment ms={detail.time + detail.duration / 1e6} text={detail.end_text} origin={origin} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Moment({ ms, text, origin }: { ms: number; text: string; origin: number | undefined }) {
  return (
    <>
      <Time ms={ms} text={text} form="precise" />
      {origin !== undefined && (
        <span class="faint number" title="Since the run was created">
          {" "}
          {sinceStart(ms, origin)}
        </span>
      )}
      <CopyButton text={text || iso(ms)} label="Copy the exact time (ISO 8601)" />
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

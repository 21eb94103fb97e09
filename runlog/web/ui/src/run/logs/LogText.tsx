// A message in the list of logs, whole or one line of it.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { plural } from "../../format/number";
import { Ansi } from "../../parts/Ansi";
import { DataText } from "../../parts/DataText";
import type { TraceStore } from "../timeline/store";
import { linesOf } from "./wrap";

const HAS_EXCEPTION = 1;
const MESSAGE_CUT = 4;

interface LogTextProps {
  store: TraceStore;
  row: number;
  part: number;
  /** Infinite: all on one line. */
  columns: number;
}

export function LogText({ store, row, part, columns }: LogTextProps) {
  const message = store.message(row);
  const isWrapped = Number.isFinite(columns);
  const flags = store.rows.flags[row] as number;
  const lines = useMemo(() => (isWrapped ? linesOf(message, columns) : null), [message, columns, isWrapped]);
  const isLast = lines === null || part === lines.length - 1;
  const title = store.accessories.get(row);
  return (
    <span class="log-message">
      {lines === null ? (
        <OneLine message={message} />
      ) : (
        lines[part]?.map((span, at) => (
          <span key={`${at}`} class={span.classes || undefined}>
            <DataText text={span.text} />
          </span>
        ))
      )}
      {isLast && (flags & MESSAGE_CUT) !== 0 && <span class="log-note">… more in the inspector</span>}
      {isLast && (flags & HAS_EXCEPTION) !== 0 && <span class="log-exception">{title ?? "exception"}</span>}
    </span>
  );
}

function OneLine({ message }: { message: string }) {
  if (!message.includes("\n")) return <Ansi text={message} />;
  const lines = message.trimEnd().split("\n");
  return (
    <>
      <Ansi text={lines[0] ?? ""} />
      {lines.length > 1 && <span class="log-note">{`+${plural(lines.length - 1, "line")}`}</span>}
    </>
  );
}

const SAMPLE = "0".repeat(100);
/** So that rounding never cuts a character off. */
const SLACK = 1;

/** An invisible line in the same style, to measure how many characters fit on one. */
export function Ruler({ onColumns }: { onColumns: (count: number) => void }) {
  const line = useRef<HTMLSpanElement>(null);
  const sample = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const measure = () => {
      const width = line.current?.clientWidth ?? 0;
      const character = (sample.current?.offsetWidth ?? 0) / SAMPLE.length;
      if (width > 0 && character > 0) onColumns(Math.max(20, Math.floor(width / character) - SLACK));
    };
    const observer = new ResizeObserver(measure);
    if (line.current) observer.observe(line.current);
    measure();
    return () => observer.disconnect();
  }, [onColumns]);
  return (
    <div class="log log-ruler" aria-hidden>
      <span class="log-time" />
      <span class="log-level" />
      <span class="log-source" />
      <span class="log-message" ref={line}>
        <span ref={sample}>{SAMPLE}</span>
      </span>
    </div>
  );
}

// A line of the log, in one row.
import type { Log } from "../api/types";
import { visible } from "../format/ansi";
import { duration } from "../format/duration";
import { jsonText } from "../format/json";
import { attributeTerm } from "../format/query";
import { levelName } from "../format/status";
import { preciseTime, shortTime } from "../format/time";
import { Ansi } from "../parts/Ansi";
import { LevelBadge } from "../parts/Badge";
import { Button } from "../parts/Button";
import { Link } from "../parts/Link";
import { now } from "../state/clock";
import { runPath } from "../state/url";

export interface RowProps {
  log: Log;
  /** With the day: not all lines are of today. */
  dated: boolean;
  /** Its context is shown. */
  open: boolean;
  onAround: (log: Log, everywhere: boolean) => void;
  onTerm: (term: string, out: boolean) => void;
}

export function Row({ log, dated, open, onAround, onTerm }: RowProps) {
  return (
    <>
      <time class="log-time" dateTime={log.time_text} title={log.time_text}>
        {dated ? shortTime(log.time, now.peek()) : preciseTime(log.time)}
      </time>
      <LevelBadge level={log.level} />
      <Origin log={log} />
      <span class="log-message">
        <Message log={log} />
        {log.attributes.map(([key, value]) => (
          <Attribute key={key} name={key} value={value} onTerm={onTerm} />
        ))}
        {log.more_attributes > 0 && <span class="log-note">+{log.more_attributes}</span>}
      </span>
      <Button
        kind="quiet"
        class="line-around"
        icon="menu"
        pressed={open}
        label={open ? "Hide the lines around (c)" : "Lines around it in its run (c); with Alt: of all runs (C)"}
        onClick={(event) => {
          event.stopPropagation();
          onAround(log, event.altKey);
        }}
      />
    </>
  );
}

/** Where a line stands in its run. */
export function linePath(log: Log): string | null {
  return log.run_id === null ? null : `${runPath(log.run_id)}?event=${log.id}`;
}

function Origin({ log }: { log: Log }) {
  const path = linePath(log);
  if (path === null) return <span class="line-origin faint">{visible(log.name)}</span>;
  return (
    <Link
      href={path}
      class="line-origin cut"
      title={`${log.task ?? log.run_id}: to this line in its run ${log.run_id}`}
    >
      {visible(log.task ?? log.run_id ?? "")}
    </Link>
  );
}

function Message({ log }: { log: Log }) {
  const text = log.message === "" ? log.name : log.message;
  const [first = "", ...rest] = text.trimEnd().split("\n");
  return (
    <>
      {log.kind !== "log" && <b class="line-span">{visible(log.name)}</b>}
      {log.kind === "log" && <Ansi text={first} />}
      {rest.length > 0 && <span class="log-note">{`+${rest.length} ${rest.length === 1 ? "line" : "lines"}`}</span>}
      {log.duration !== null && <span class="log-note">{duration(log.duration)}</span>}
      {log.exception && <span class="log-exception">{visible(log.exception.type.split(".").at(-1) ?? "")}</span>}
    </>
  );
}

interface AttributeProps {
  name: string;
  value: unknown;
  onTerm: RowProps["onTerm"];
}

function Attribute({ name, value, onTerm }: AttributeProps) {
  const text = visible(typeof value === "string" ? value : jsonText(value, 0));
  const term = attributeTerm(name, value);
  const content = (
    <>
      <span class="line-key">{visible(name)}=</span>
      {text.length > 60 ? `${text.slice(0, 60)}…` : text}
    </>
  );
  if (term === null) return <span class="line-pair">{content}</span>;
  return (
    <button
      type="button"
      class="line-pair"
      tabIndex={-1}
      title={`${term}\nOnly these; with Alt: without them`}
      onClick={(event) => {
        event.stopPropagation();
        onTerm(term, event.altKey);
      }}
    >
      {content}
    </button>
  );
}

/** The class of a row by its level. */
export function rowClass(log: Log, around: boolean): string {
  return `log-${levelName(log.level)}${around ? " line-context" : ""}`;
}

import type { EventDetail } from "../../api/types";
import { plainText, visible } from "../../format/ansi";
import { Ansi } from "../../parts/Ansi";
import { LevelBadge } from "../../parts/Badge";
import { CopyButton } from "../../parts/CopyButton";
import { DataText } from "../../parts/DataText";
import { statusWords } from "./words";

/** What it is: a log of a level and a source, or a span that ended in some way. */
export function Head({ detail }: { detail: EventDetail }) {
  if (detail.kind === "log") {
    return (
      <header class="inspector-head">
        <LevelBadge level={detail.level} />
        <h2>
          <span class="sr-only">Log of </span>
          {visible(detail.name)}
        </h2>
      </header>
    );
  }
  const status = statusWords(detail);
  return (
    <header class="inspector-head">
      <h2>
        {detail.icon && <span class="inspector-icon">{visible(detail.icon)} </span>}
        {visible(detail.name)}
      </h2>
      {status.label !== "" && (
        <span class={`inspector-status tone-${status.tone}`} title={status.about || undefined}>
          {status.label}
        </span>
      )}
    </header>
  );
}

/** A log's message, whole; of a span how it ended, where that says more than its exception. */
export function Message({ detail }: { detail: EventDetail }) {
  if (detail.kind === "log") {
    return (
      <div class="inspector-message">
        <pre class={`message${detail.level >= 17 ? " message-bad" : ""}`}>
          {detail.message === "" ? <i>no message</i> : <Ansi text={detail.message} />}
        </pre>
        <CopyButton text={() => plainText(detail.message)} label="Copy the message" />
        {detail.template !== null && (
          <p class="soft inspector-template">
            written as <code>{<DataText text={detail.template} />}</code>
          </p>
        )}
      </div>
    );
  }
  const { about, tone } = statusWords(detail);
  if (about === "" || tone === "good" || detail.exception !== null) return null;
  return (
    <p class={`inspector-about tone-${tone}`}>
      <DataText text={about} />
    </p>
  );
}

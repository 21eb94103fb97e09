// A payload as JSON to edit: where it is wrong, how large it is, what has to be given anew.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getText, isAbort } from "../api/client";
import type { RunDetail } from "../api/types";
import { firstMark } from "../format/marks";
import { bytes, count } from "../format/number";
import { Icon } from "../parts/Icon";
import { Command, Failed, Loading } from "../parts/states";
import { checkJson, lineOf } from "./json";

/** More than this is not edited here. */
const MOST = 1024 * 1024;

/** What was typed last, as the dialog is closed by mistake. */
let draft: { runId: string; text: string } | null = null;

/** It was sent. */
export function dropDraft(): void {
  draft = null;
}

interface PayloadEditorProps {
  detail: RunDetail;
  /** JSON that may be sent, or null. */
  onText: (text: string | null) => void;
  onSubmit: () => void;
}

export function PayloadEditor(props: PayloadEditorProps) {
  const { run, payload_size: size } = props.detail;
  const [first, setFirst] = useState<string | null>(size === 0 ? "null" : null);
  const [error, setError] = useState<unknown>(null);
  const isLarge = size > MOST;
  useEffect(() => {
    if (size === 0 || isLarge) return;
    const stop = new AbortController();
    const path = `/api/runs/${encodeURIComponent(run.run_id)}/data`;
    getText(path, { what: "payload" }, stop.signal).then(
      (text) => setFirst(checkJson(text).pretty || text),
      (caught: unknown) => isAbort(caught) || setError(caught),
    );
    return () => stop.abort();
  }, [run.run_id, size, isLarge]);
  if (isLarge) {
    return (
      <>
        <p class="act-words">The payload has {bytes(size)}: too much to edit here. On the command line:</p>
        <Command text={`runlog replay ${run.run_id} --payload @payload.json`} />
      </>
    );
  }
  if (error !== null) return <Failed error={error} inline />;
  if (first === null) return <Loading what="Reading the payload" />;
  return <Editor {...props} first={first} />;
}

function Editor({ detail, first, onText, onSubmit }: PayloadEditorProps & { first: string }) {
  const { run_id: runId } = detail.run;
  const [text, setState] = useState(draft?.runId === runId ? draft.text : first);
  const setText = (next: string) => {
    draft = next === first ? null : { runId, text: next };
    setState(next);
  };
  const area = useRef<HTMLTextAreaElement>(null);
  const { problem, pretty } = useMemo(() => checkJson(text), [text]);
  const mark = useMemo(() => (detail.payload_scrubbed ? firstMark(text) : null), [text, detail.payload_scrubbed]);
  const hasMarks = mark !== null;
  const size = useMemo(() => new TextEncoder().encode(text).length, [text]);
  const isGood = problem === null && !hasMarks && size <= MOST;
  useEffect(() => onText(isGood ? text : null), [text, isGood]);
  useEffect(() => area.current?.focus(), []);
  const goTo = (at: number, end = at + 1) => {
    area.current?.focus();
    area.current?.setSelectionRange(at, end);
  };
  const place = problem && lineOf(text, problem.at);
  return (
    <div class="act-editor">
      {detail.payload_scrubbed && <Anew mark={mark} onGo={goTo} />}
      <textarea
        ref={area}
        class="field act-text"
        aria-label="Payload as JSON"
        aria-invalid={problem !== null || hasMarks}
        aria-describedby="act-state"
        spellcheck={false}
        autocapitalize="off"
        rows={Math.min(22, Math.max(7, first.split("\n").length + 1))}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          onSubmit();
        }}
      />
      <div class="act-state" id="act-state" role="status">
        {problem && place ? (
          <button type="button" class="text-button tone-bad" onClick={() => goTo(problem.at)}>
            <Icon name="warn" />
            Line {count(place.line)}, column {count(place.column)}: {problem.what}
          </button>
        ) : size > MOST ? (
          <span class="tone-bad">It may have {bytes(MOST)}</span>
        ) : (
          <span class={hasMarks ? "soft" : "tone-good"}>valid JSON</span>
        )}
        <span class="act-size soft">{bytes(size)}</span>
        <button
          type="button"
          class="text-button"
          disabled={pretty === "" || pretty === text}
          onClick={() => setText(pretty)}
        >
          Format
        </button>
        <button type="button" class="text-button" disabled={text === first} onClick={() => setText(first)}>
          Reset
        </button>
      </div>
    </div>
  );
}

/** Something was taken out: it has to be given again, and here is where. */
function Anew({ mark, onGo }: { mark: ReturnType<typeof firstMark>; onGo: (at: number, end: number) => void }) {
  if (mark === null) {
    return (
      <p class="act-note act-note-done">
        <Icon name="check" />
        No mark is left.
      </p>
    );
  }
  return (
    <p class="act-note">
      <Icon name="lock" />
      <span>
        Secrets, or what was too large, were taken out before this was stored. Give them anew in the place of the marks.{" "}
        <button type="button" class="text-button" onClick={() => onGo(mark.start, mark.end)}>
          Go to the mark
        </button>
      </span>
    </p>
  );
}

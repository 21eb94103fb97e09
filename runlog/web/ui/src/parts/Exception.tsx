// An exception with its chain, its groups and its frames; the project's own code is what stands out.
import { useMemo, useState } from "preact/hooks";
import {
  type ExceptionView,
  exceptionText,
  type Frame,
  type FrameGroup,
  foldedWords,
  foldFrames,
  innermostOwn,
  readException,
} from "../format/exception";
import { count } from "../format/number";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { DataText } from "./DataText";
import { Icon } from "./Icon";
import "./exception.css";

/** Members of a group that are shown at first. */
const FEW = 20;

export function Exception({ data }: { data: unknown }) {
  const exception = useMemo(() => readException(data), [data]);
  const [all, setAll] = useState(false);
  if (exception === null) return null;
  return (
    <div class="exception">
      <p class="exception-tools">
        <Button kind="quiet" pressed={all} onClick={() => setAll(!all)}>
          Library frames
        </Button>
        <CopyButton text={() => exceptionText(exception)} label="Copy the traceback as text">
          Copy
        </CopyButton>
      </p>
      <One exception={exception} all={all} first={innermostOwn(exception)} />
    </div>
  );
}

function One({ exception, all, first, relation, isTitled = false }: OneProps) {
  const groups = useMemo(() => foldFrames(exception.frames), [exception]);
  return (
    <>
      {relation && <p class="exception-relation">{relation}</p>}
      {!isTitled && <Title exception={exception} />}
      {exception.notes.map((note, at) => (
        <p key={at} class="exception-note">
          <DataText text={note} />
        </p>
      ))}
      <ol class="frames" aria-label="Frames, the innermost last">
        {groups.map((group, at) => (
          <Frames key={at} group={group} all={all} first={first} />
        ))}
      </ol>
      {exception.dropped.map(([what, number]) => (
        <p key={what} class="exception-dropped">
          {count(number)} more {what} not recorded
        </p>
      ))}
      <Members members={exception.group} all={all} first={first} />
      {exception.below && (
        <One exception={exception.below.exception} all={all} first={first} relation={exception.below.relation} />
      )}
    </>
  );
}

function Title({ exception }: { exception: ExceptionView }) {
  return (
    <span class="exception-title">
      <span class="exception-type">
        {exception.module !== "" && exception.module !== "builtins" && (
          <span class="exception-module">
            <DataText text={exception.module} />.
          </span>
        )}
        <DataText text={exception.type} />
      </span>
      {exception.message !== "" && (
        <span class="exception-message">
          <DataText text={exception.message} />
        </span>
      )}
    </span>
  );
}

interface OneProps {
  exception: ExceptionView;
  all: boolean;
  /** The frame to look at first. */
  first: Frame | null;
  relation?: string;
  /** Its title stands above it already. */
  isTitled?: boolean;
}

function Members({ members, all, first }: { members: ExceptionView[]; all: boolean; first: Frame | null }) {
  const [shown, setShown] = useState(FEW);
  if (members.length === 0) return null;
  return (
    <>
      <ol class="exception-group" aria-label={`${count(members.length)} exceptions in this group`}>
        {members.slice(0, shown).map((member, at) => (
          <li key={at}>
            <details open={at < 3}>
              <summary>
                <Icon name="right" />
                <span class="exception-number">{at + 1}</span>
                <Title exception={member} />
              </summary>
              <One exception={member} all={all} first={first} isTitled />
            </details>
          </li>
        ))}
      </ol>
      {shown < members.length && (
        <Button kind="quiet" onClick={() => setShown(members.length)}>
          {`${count(members.length - shown)} more of this group`}
        </Button>
      )}
    </>
  );
}

function Frames({ group, all, first }: { group: FrameGroup; all: boolean; first: Frame | null }) {
  const [open, setOpen] = useState(false);
  if (!("frames" in group)) return <FrameRow frame={group} isFirst={group === first} />;
  if (all || open) {
    return (
      <>
        {group.frames.map((frame, at) => (
          <FrameRow key={at} frame={frame} isFirst={false} />
        ))}
      </>
    );
  }
  return (
    <li class="frame-fold">
      <button type="button" class="text-button" aria-expanded={false} onClick={() => setOpen(true)}>
        {foldedWords(group.libraries, group.frames.length)}
      </button>
    </li>
  );
}

function FrameRow({ frame, isFirst }: { frame: Frame; isFirst: boolean }) {
  const own = frame.library === null;
  return (
    <li class={`frame${own ? " frame-own" : ""}${isFirst ? " frame-first" : ""}`}>
      <p class="frame-place">
        <span class="frame-file" title={frame.file}>
          <DataText text={frame.place} />
          {frame.line > 0 && `:${frame.line}`}
        </span>{" "}
        <span class="frame-in">in</span> <span class="frame-function">{frame.function}</span>
        {frame.library !== null && <span class="frame-library">{frame.library}</span>}
        {own && <CopyButton text={`${frame.file}:${frame.line}`} label="Copy the file and line" />}
      </p>
      {frame.source !== "" && (
        <pre class="frame-source">
          <code>
            <DataText text={frame.source} />
          </code>
        </pre>
      )}
    </li>
  );
}

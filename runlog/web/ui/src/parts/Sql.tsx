import { useMemo, useState } from "preact/hooks";
import { formatSql, LONGEST } from "../format/sql";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { DataText } from "./DataText";
import "./data.css";

/** A statement laid out in lines, with a way to see it as it was sent. */
export function Sql({ text }: { text: string }) {
  const [raw, setRaw] = useState(false);
  const isLong = text.length > LONGEST;
  return (
    <figure class="code-figure">
      <figcaption class="code-tools">
        <span class="code-name">SQL</span>
        {!isLong && (
          <Button kind="quiet" pressed={raw} onClick={() => setRaw(!raw)} label="Show it as it was sent">
            as sent
          </Button>
        )}
        <CopyButton text={text} label="Copy the statement" />
      </figcaption>
      <pre class="code">
        <code>{raw || isLong ? <DataText text={text} /> : <Formatted text={text} />}</code>
      </pre>
    </figure>
  );
}

function Formatted({ text }: { text: string }) {
  const lines = useMemo(() => formatSql(text), [text]);
  return (
    <>
      {lines.map((line, at) => (
        <span key={at} class="code-line">
          {line.map((token, index) => (
            <span key={index} class={token.kind === "text" ? undefined : `sql-${token.kind}`}>
              <DataText text={token.text} />
            </span>
          ))}
          {"\n"}
        </span>
      ))}
    </>
  );
}

import { ansiSpans, isPlain } from "../format/ansi";
import { DataText } from "./DataText";
import "./data.css";

/** A log's text with the colours it was written in. */
export function Ansi({ text }: { text: string }) {
  if (isPlain(text)) return <DataText text={text} />;
  return (
    <>
      {ansiSpans(text).map((span, at) => (
        <span key={at} class={span.classes || undefined}>
          <DataText text={span.text} />
        </span>
      ))}
    </>
  );
}

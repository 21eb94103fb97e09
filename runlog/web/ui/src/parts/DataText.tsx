import { visible } from "../format/ansi";
import { isMarked, markedParts, markWords } from "../format/marks";
import "./data.css";

/** A text from the data: every character visible, and what runlog took out or cut marked and explained. */
export function DataText({ text }: { text: string }) {
  if (!isMarked(text)) return <>{visible(text)}</>;
  return (
    <>
      {markedParts(text).map((part, at) =>
        part.mark === null ? (
          visible(part.text)
        ) : (
          <mark key={at} class={`data-mark data-${part.mark}`} title={markWords(part)}>
            {part.text}
          </mark>
        ),
      )}
    </>
  );
}

import { visible } from "../format/ansi";
import { toldParts } from "../format/told";
import { Time } from "./Time";

/** Words of the server, with the times that they name in the viewer's zone. */
export function Told({ text, times }: { text: string; times: readonly (readonly [string, number])[] }) {
  return (
    <>
      {toldParts(text, times).map((part, at) =>
        typeof part === "string" ? visible(part) : <Time key={`${at}`} ms={part} />,
      )}
    </>
  );
}

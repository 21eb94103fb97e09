// Words of the server that name times: the page shows those in the viewer's zone.

/** Text as it is, or a moment in ms since 1970. */
export type Told = string | number;

/** A text cut where it names one of these times. */
export function toldParts(text: string, times: readonly (readonly [string, number])[]): Told[] {
  let parts: Told[] = [text];
  for (const [written, moment] of times) {
    if (written === "") continue;
    parts = parts.flatMap((part) => (typeof part === "string" ? cut(part, written, moment) : [part]));
  }
  return parts.filter((part) => part !== "");
}

/** The text with its times written otherwise. */
export function toldText(
  text: string,
  times: readonly (readonly [string, number])[],
  write: (ms: number) => string,
): string {
  return toldParts(text, times)
    .map((part) => (typeof part === "string" ? part : write(part)))
    .join("");
}

function cut(text: string, written: string, moment: number): Told[] {
  return text.split(written).flatMap((part, at) => (at === 0 ? [part] : [moment, part]));
}

// The marks that runlog leaves in data where something was taken out or cut, told from the data around them.

export interface MarkedPart {
  text: string;
  mark: "redacted" | "cut" | null;
}

const MARK = /\[redacted:[\w.:-]{1,80}\]|…\[\d[\d,]* characters cut\]…/g;

/** The text in parts: as it is, and marks. */
export function markedParts(text: string): MarkedPart[] {
  const parts: MarkedPart[] = [];
  let at = 0;
  for (const { 0: mark, index } of text.matchAll(MARK)) {
    if (index > at) parts.push({ text: text.slice(at, index), mark: null });
    parts.push({ text: mark, mark: mark.startsWith("[") ? "redacted" : "cut" });
    at = index + mark.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), mark: null });
  return parts;
}

/** What a mark says. */
export function markWords(part: MarkedPart): string {
  if (part.mark === "cut") return "The value was too long: this much of its middle was not kept";
  return `A secret was taken out before this was stored (rule: ${part.text.slice("[redacted:".length, -1)})`;
}

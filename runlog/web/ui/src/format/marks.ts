// The marks that runlog leaves in data where something was taken out or cut, told from the data around them.
// The same as in runlog/executor/payloads.py.

export type Mark = "redacted" | "cut";

export interface MarkedPart {
  text: string;
  mark: Mark | null;
}

const MARK = /\[redacted(?:\]|:[^\]]{1,80}\])|…\[[\d,]+ characters cut\]…/g;
/** Instead of a whole value. */
const WHOLE = /^<(?:[\d,]+ more|more|depth|cycle|unreadable\b.*)>$|^\[runlog could not scrub this record/;
const IN_JSON = new RegExp(`${MARK.source}|"<(?:[\\d,]+ more|more|depth|cycle|unreadable\\b[^"]*)>"`);

/** Whether a text has a mark. */
export function isMarked(text: string): boolean {
  return text.search(MARK) >= 0 || WHOLE.test(text);
}

/** The text in parts: as it is, and marks. */
export function markedParts(text: string): MarkedPart[] {
  if (WHOLE.test(text)) return [{ text, mark: "cut" }];
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

/** Where the first mark in a JSON text is; null where there is none. */
export function firstMark(json: string): { start: number; end: number } | null {
  const found = IN_JSON.exec(json);
  return found === null ? null : { start: found.index, end: found.index + found[0].length };
}

/** What a mark says. */
export function markWords({ text, mark }: MarkedPart): string {
  if (mark === "redacted") {
    const rule = text.slice("[redacted:".length, -1).trim();
    return `A secret was taken out before this was stored${rule === "" ? "" : ` (rule: ${rule})`}`;
  }
  if (/more>$/.test(text)) return "There was more than is kept of one record: this many were left out";
  if (text === "<depth>") return "It was nested deeper than is kept";
  if (text === "<cycle>") return "It contained itself";
  if (text.startsWith("…[")) return "The value was too long: this much of its middle was not kept";
  return "It could not be recorded";
}

/** Which marks there are in data, at any depth. */
export function marksIn(value: unknown): Set<Mark> {
  const found = new Set<Mark>();
  const work: unknown[] = [value];
  while (work.length > 0 && found.size < 2) {
    const item = work.pop();
    if (typeof item === "string") {
      if (isMarked(item)) for (const part of markedParts(item)) if (part.mark !== null) found.add(part.mark);
    } else if (Array.isArray(item)) for (const below of item) work.push(below);
    else if (typeof item === "object" && item !== null) {
      for (const [key, below] of Object.entries(item)) work.push(key, below);
    }
  }
  return found;
}

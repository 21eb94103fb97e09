// Terminal colours as class names, and characters that would hide or move text as visible escapes.
// Only colours and weights are taken over (SGR, an allow-list). Other sequences that move a cursor or erase are left
// out, "concealed" is ignored: a log hides nothing from the one who reads it.

export interface AnsiSpan {
  text: string;
  /** Class names, or "". */
  classes: string;
}

/** CSI sequences, with their parameters and their final character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this is about
const CSI = /\x1b\[([0-9:;<=>?]*)[ -/]*([@-~])/g;
/** Hyperlinks: their target is left out, their text stays. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const LINK = /\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\)/g;
/** The same characters as runlog/system/text.py. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]|\u034f|\p{Cs}/gu;

const FLAGS: ReadonlyMap<number, string> = new Map([
  [1, "ansi-bold"],
  [2, "ansi-dim"],
  [3, "ansi-italic"],
  [4, "ansi-underline"],
  [9, "ansi-strike"],
]);
const OFF: ReadonlyMap<number, readonly number[]> = new Map([
  [21, [1]],
  [22, [1, 2]],
  [23, [3]],
  [24, [4]],
  [29, [9]],
]);
/** The 16 colours of xterm, to find the nearest of 256 or of all. */
const PALETTE: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [205, 0, 0],
  [0, 205, 0],
  [205, 205, 0],
  [0, 0, 238],
  [205, 0, 205],
  [0, 205, 205],
  [229, 229, 229],
  [127, 127, 127],
  [255, 0, 0],
  [0, 255, 0],
  [255, 255, 0],
  [92, 92, 255],
  [255, 0, 255],
  [0, 255, 255],
  [255, 255, 255],
];

interface Pen {
  flags: Set<number>;
  foreground: number | null;
  background: number | null;
  inverse: boolean;
}

/** Whether a text has anything that `ansiSpans` would change. Cheap: most texts do not. */
export function isPlain(text: string): boolean {
  return text.search(UNSAFE) < 0;
}

/** The text as pieces with class names. */
export function ansiSpans(text: string): AnsiSpan[] {
  if (!text.includes("\x1b")) return text === "" ? [] : [{ text: visible(text), classes: "" }];
  const source = text.replace(LINK, "");
  const pen: Pen = { flags: new Set(), foreground: null, background: null, inverse: false };
  const spans: AnsiSpan[] = [];
  let at = 0;
  const add = (part: string) => {
    if (part === "") return;
    const classes = classesOf(pen);
    const last = spans.at(-1);
    if (last?.classes === classes) last.text += visible(part);
    else spans.push({ text: visible(part), classes });
  };
  for (const match of source.matchAll(CSI)) {
    add(source.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") apply(pen, match[1] ?? "");
  }
  add(source.slice(at));
  return spans;
}

/** The text without its colours, every character visible: for filters, copies and titles. */
export function plainText(text: string): string {
  if (isPlain(text)) return text;
  return visible(text.replace(LINK, "").replace(CSI, ""));
}

/** Control, bidi and invisible characters as escapes, as the command line writes them. Newline and tab stay. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 0xffff) return `\\U${code.toString(16).padStart(8, "0")}`;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

function classesOf(pen: Pen): string {
  const names = [...pen.flags].sort((a, b) => a - b).map((flag) => FLAGS.get(flag) ?? "");
  const [front, back] = pen.inverse ? [pen.background, pen.foreground] : [pen.foreground, pen.background];
  if (front !== null) names.push(`ansi-fg-${front}`);
  if (back !== null) names.push(`ansi-bg-${back}`);
  if (pen.inverse && (front === null || back === null)) names.push("ansi-inverse");
  return names.join(" ");
}

function apply(pen: Pen, parameters: string): void {
  const list = parameters === "" ? ["0"] : parameters.split(";");
  for (let at = 0; at < list.length; at++) {
    const parts = (list[at] ?? "").split(":").map((part) => (part === "" ? 0 : Number(part)));
    const code = parts[0] ?? 0;
    if (code === 38 || code === 48) {
      // Either 38:2::r:g:b in one parameter, or 38;2;r;g;b in five.
      const own = parts.length > 1;
      const rest = own ? colonColour(parts) : list.slice(at + 1, at + 5).map(Number);
      const [colour, used] = extended(rest);
      if (!own) at += used;
      if (colour !== null) setColour(pen, code === 38, colour);
    } else if (Number.isInteger(code)) simple(pen, code);
  }
}

function colonColour(parts: readonly number[]): number[] {
  const rest = parts.slice(1);
  return rest[0] === 2 && rest.length > 4 ? [2, ...rest.slice(2)] : rest;
}

/** The colour that `2;r;g;b` or `5;n` names, and how many numbers that took. */
function extended(numbers: readonly number[]): [number | null, number] {
  const [mode, first = 0, second = 0, third = 0] = numbers;
  if (mode === 5) return [indexed(first), 2];
  if (mode === 2) return [nearest(first, second, third), 4];
  return [null, 1];
}

function indexed(index: number): number | null {
  if (!Number.isInteger(index) || index < 0 || index > 255) return null;
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return nearest(grey, grey, grey);
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function nearest(red: number, green: number, blue: number): number {
  let best = 7;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, [r, g, b]] of PALETTE.entries()) {
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
    if (distance < least) {
      least = distance;
      best = index;
    }
  }
  return best;
}

function setColour(pen: Pen, foreground: boolean, colour: number | null): void {
  if (foreground) pen.foreground = colour;
  else pen.background = colour;
}

function simple(pen: Pen, code: number): void {
  if (code === 0) {
    pen.flags.clear();
    pen.foreground = pen.background = null;
    pen.inverse = false;
  } else if (FLAGS.has(code)) pen.flags.add(code);
  else if (OFF.has(code)) for (const flag of OFF.get(code) ?? []) pen.flags.delete(flag);
  else if (code === 7 || code === 27) pen.inverse = code === 7;
  else if (code >= 30 && code <= 37) pen.foreground = code - 30;
  else if (code >= 90 && code <= 97) pen.foreground = code - 82;
  else if (code >= 40 && code <= 47) pen.background = code - 40;
  else if (code >= 100 && code <= 107) pen.background = code - 92;
  else if (code === 39) pen.foreground = null;
  else if (code === 49) pen.background = null;
}

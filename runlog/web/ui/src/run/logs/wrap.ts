// Messages broken into lines of so many columns, so that a list of rows of one height can show them whole.
import { type AnsiSpan, ansiSpans } from "../../format/ansi";

/** Characters that take two columns in a monospaced font: East Asian wide ones and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ASCII = /^[\t\x20-\x7e]*$/;
const TAB = 4;

export type Line = AnsiSpan[];

/** A line breaks behind a space, if there is one in this share of its end. */
const LATE = 0.6;

/** A message's lines; there is one at least. `columns` infinite breaks only where the text does. */
export function linesOf(message: string, columns: number): Line[] {
  const lines: Line[] = [[]];
  let width = 0;
  for (const span of ansiSpans(message)) {
    for (const [at, part] of span.text.split("\n").entries()) {
      if (at > 0) {
        lines.push([]);
        width = 0;
      }
      width = fill(lines, part, span.classes, width, columns);
    }
  }
  return lines;
}

/** Add a text without new lines behind what the last line has; returns how wide that is then. */
function fill(lines: Line[], text: string, classes: string, from: number, columns: number): number {
  let width = from;
  let begun = 0;
  let place = 0;
  // Behind the last space of the line: where, and how wide the line is up to there.
  let space = { place: 0, width: 0 };
  for (const character of text) {
    const wide = character === "\t" ? TAB : WIDE.test(character) ? 2 : 1;
    if (width + wide > columns && width > 0) {
      const isLate = space.place > begun && space.width >= columns * LATE;
      const end = isLate ? space.place : place;
      push(lines, text.slice(begun, end), classes);
      lines.push([]);
      width = isLate ? width - space.width : 0;
      begun = end;
    }
    width += wide;
    place += character.length;
    if (character === " ") space = { place, width };
  }
  push(lines, text.slice(begun), classes);
  return width;
}

/** How many lines a message has. */
export function countLines(message: string, columns: number): number {
  if (
    message.length * TAB <= columns ||
    (message.length <= columns && ASCII.test(message) && !message.includes("\t"))
  ) {
    if (!message.includes("\n")) return 1;
  }
  return linesOf(message, columns).length;
}

function push(lines: Line[], text: string, classes: string): void {
  if (text !== "") lines.at(-1)?.push({ text, classes });
}

/** Which message a line is of, when each has as many lines as it needs. */
export class LineMap {
  /** For each message where its lines begin. */
  #starts = new Int32Array(256);
  #count = 0;
  #lines = 0;

  /** All lines. */
  get lines(): number {
    return this.#lines;
  }

  /** From message `from` on they are others, or as many as `count` in all. */
  update(from: number, count: number, linesOfMessage: (index: number) => number): void {
    if (count > this.#starts.length) {
      const larger = new Int32Array(Math.max(count, this.#starts.length * 2));
      larger.set(this.#starts);
      this.#starts = larger;
    }
    const begin = Math.min(from, this.#count, count);
    this.#lines = begin < this.#count ? (this.#starts[begin] as number) : this.#lines;
    for (let index = begin; index < count; index++) {
      this.#starts[index] = this.#lines;
      this.#lines += linesOfMessage(index);
    }
    this.#count = count;
  }

  /** Where a message's lines begin. */
  startOf(index: number): number {
    return this.#starts[index] ?? 0;
  }

  /** The message of a line, and which of its lines that is. */
  at(line: number): { index: number; part: number } {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= line) low = middle;
      else high = middle - 1;
    }
    return { index: low, part: line - this.startOf(low) };
  }
}

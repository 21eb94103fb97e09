/** Repeated siblings: rows of one parent whose texts are the same but for their numbers and ids are a family, and a
 * large one is shown as one row until it is opened. */

import type { Columns } from "./columns";
import { SpanMap } from "./spans";

export const FEWEST_SPANS = 10;
export const FEWEST_LOGS = 20;

const HOLE = 0x23;

export class Families {
  /** Members of each family. Family 0 is none. */
  size = new Uint32Array(64);
  opened = new Uint8Array(64);
  #count = 1;
  #known = new SpanMap();

  /** Add a row, that is under its parent already, to the family with this key. */
  join(rows: Columns, row: number, key: number): void {
    const parent = rows.parent[row] as number;
    let family = this.#known.get(parent, key);
    if (family < 0) {
      family = this.#count++;
      if (family >= this.size.length) this.#grow();
      this.#known.set(parent, key, family);
    }
    rows.family[row] = family;
    this.size[family] = (this.size[family] as number) + 1;
  }

  leave(rows: Columns, row: number): void {
    const family = rows.family[row] as number;
    if (family === 0) return;
    this.size[family] = (this.size[family] as number) - 1;
    rows.family[row] = 0;
  }

  openAll(opened: boolean): void {
    this.opened.fill(opened ? 1 : 0);
  }

  #grow(): void {
    const [size, opened] = [this.size, this.opened];
    this.size = new Uint32Array(size.length * 2);
    this.size.set(size);
    this.opened = new Uint8Array(size.length * 2);
    this.opened.set(opened);
  }
}

/** A hash of a text in which each word that has a digit counts the same: `GET /users/12` is `GET /users/#`. */
export function templateHash(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  let wordHash = 0;
  let inWord = false;
  let hasDigit = false;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : 0;
    if (isWord(code)) {
      if (!inWord) {
        inWord = true;
        hasDigit = false;
        wordHash = hash;
      }
      if (code >= 48 && code <= 57) hasDigit = true;
      hash = Math.imul(hash ^ code, 0x01000193);
      continue;
    }
    if (inWord && hasDigit) hash = Math.imul(wordHash ^ HOLE, 0x01000193);
    inWord = false;
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** What texts of one family have in common, with … where they differ. */
export function commonText(texts: string[]): string {
  const [first = "", ...others] = texts.map(words);
  return Array.from(first, (word, index) => (others.every((other) => other[index] === word) ? word : "…"))
    .join("")
    .replace(/(…[-_.]?)+…/g, "…");
}

function words(text: string): string[] {
  return text.match(/\w+|\W/g) ?? [];
}

function isWord(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || code > 127
  );
}

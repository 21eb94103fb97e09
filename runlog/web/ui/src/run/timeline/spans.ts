/** From a span's 8 bytes to a number: open addressing over two words, without an object for each span. */

const EMPTY = -1;

export class SpanMap {
  #high = new Uint32Array(1024);
  #low = new Uint32Array(1024);
  #value = new Int32Array(1024).fill(EMPTY);
  #count = 0;

  get(high: number, low: number): number {
    return this.#value[this.#slot(high, low)] ?? EMPTY;
  }

  set(high: number, low: number, value: number): void {
    const slot = this.#slot(high, low);
    if (this.#value[slot] === EMPTY) {
      if (this.#count * 2 >= this.#value.length) {
        this.#grow();
        this.set(high, low, value);
        return;
      }
      this.#count++;
      this.#high[slot] = high;
      this.#low[slot] = low;
    }
    this.#value[slot] = value;
  }

  #slot(high: number, low: number): number {
    const mask = this.#value.length - 1;
    let hash = Math.imul(high ^ (low >>> 7), 0x9e3779b1) ^ Math.imul(low, 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (this.#value[slot] !== EMPTY && (this.#low[slot] !== low || this.#high[slot] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const [high, low, value] = [this.#high, this.#low, this.#value];
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(high.length * 2);
    this.#value = new Int32Array(high.length * 2).fill(EMPTY);
    for (let index = 0; index < value.length; index++) {
      if (value[index] === EMPTY) continue;
      const slot = this.#slot(high[index] as number, low[index] as number);
      this.#high[slot] = high[index] as number;
      this.#low[slot] = low[index] as number;
      this.#value[slot] = value[index] as number;
    }
  }
}

/** The two words of a span id in hexadecimal, as they lie in a little-endian array. */
export function wordsOf(hex: string): [number, number] {
  return [reversed(Number.parseInt(hex.slice(0, 8), 16)), reversed(Number.parseInt(hex.slice(8, 16), 16))];
}

export function hexOf(high: number, low: number): string {
  return reversed(high).toString(16).padStart(8, "0") + reversed(low).toString(16).padStart(8, "0");
}

function reversed(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | ((word >>> 24) & 0xff)) >>> 0;
}

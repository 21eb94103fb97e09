/** Where a pass over the tree is: for each level that it is in, the next row there. */
export class Ways {
  height = 0;
  readonly #rows: number[] = [];
  readonly #depths: number[] = [];
  readonly #families: number[] = [];
  readonly #free: number[] = [];

  push(row: number, depth: number, family: number, isFree: number): void {
    const at = this.height++;
    this.#rows[at] = row;
    this.#depths[at] = Math.min(depth, 0xffff);
    this.#families[at] = family;
    this.#free[at] = isFree;
  }

  pop(): void {
    this.height--;
  }

  get row(): number {
    return this.#rows[this.height - 1] as number;
  }

  set row(row: number) {
    this.#rows[this.height - 1] = row;
  }

  get depth(): number {
    return this.#depths[this.height - 1] as number;
  }

  get family(): number {
    return this.#families[this.height - 1] as number;
  }

  get isFree(): number {
    return this.#free[this.height - 1] as number;
  }
}

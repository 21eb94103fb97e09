/** Names of spans and sources of logs: each once, with what is derived from it. */

import { templateHash } from "./families";
import { roleOf } from "./roles";

export class Names {
  readonly texts: string[] = [];
  readonly hashes: number[] = [];
  readonly roles: number[] = [];
  readonly #known = new Map<string, number>();

  indexOf(text: string): number {
    let index = this.#known.get(text);
    if (index === undefined) {
      index = this.texts.push(text) - 1;
      this.#known.set(text, index);
      this.hashes.push(templateHash(text, 0));
      this.roles.push(roleOf(text));
    }
    return index;
  }
}

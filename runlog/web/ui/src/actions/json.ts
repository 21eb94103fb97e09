// JSON as somebody types it: where it is wrong, and the same in lines of its own. Numbers and texts stay as they were
// written, so that 1.0 is not sent as 1.

export interface JsonCheck {
  /** What is wrong and where, in characters; null where nothing is. */
  problem: { at: number; what: string } | null;
  /** The same JSON, indented; "" where it is none. */
  pretty: string;
}

const SPACE = /[ \t\r\n]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in texts
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const ATOM = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const MOST_DEEP = 500;

export function checkJson(text: string): JsonCheck {
  const reader = new Reader(text);
  try {
    const pretty = reader.whole();
    return { problem: null, pretty };
  } catch (error) {
    if (error instanceof Wrong) return { problem: { at: error.at, what: error.message }, pretty: "" };
    throw error;
  }
}

/** Line and column, from 1. */
export function lineOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

class Wrong extends Error {
  constructor(
    readonly at: number,
    what: string,
  ) {
    super(what);
  }
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): string {
    const found = this.value(0);
    this.space();
    if (this.at < this.text.length) throw this.wrong("there is something after its end");
    return found;
  }

  private value(depth: number): string {
    this.space();
    const next = this.text[this.at];
    if (next === undefined)
      throw this.wrong(this.text.trim() === "" ? "it is empty: null is no payload" : "it breaks off");
    if (depth > MOST_DEEP) throw this.wrong("it is nested too deep");
    if (next === "{") return this.list("{", "}", depth, () => this.member(depth));
    if (next === "[") return this.list("[", "]", depth, () => this.value(depth + 1));
    return this.take(STRING) ?? this.take(ATOM) ?? this.no(next);
  }

  private member(depth: number): string {
    this.space();
    const key = this.take(STRING);
    if (key === null) throw this.wrong('a key in "quotes" is missing');
    this.space();
    if (this.text[this.at] !== ":") throw this.wrong("a : is missing after the key");
    this.at++;
    return `${key}: ${this.value(depth + 1)}`;
  }

  private list(left: string, right: string, depth: number, item: () => string): string {
    this.at++;
    this.space();
    if (this.text[this.at] === right) {
      this.at++;
      return left + right;
    }
    const items: string[] = [];
    for (;;) {
      items.push(item());
      this.space();
      const next = this.text[this.at];
      if (next !== "," && next !== right)
        throw this.wrong(next === undefined ? "it breaks off" : `a , or ${right} is missing`);
      this.at++;
      if (next === right) break;
    }
    const line = `\n${"  ".repeat(depth + 1)}`;
    return `${left}${line}${items.join(`,${line}`)}\n${"  ".repeat(depth)}${right}`;
  }

  private no(next: string): never {
    if (next === '"') throw this.wrong("a text that does not end, or has a character that needs a \\");
    if (next === "'") throw this.wrong("texts are in double quotes");
    if (next === "}" || next === "]" || next === ",") throw this.wrong("a value is missing");
    throw this.wrong("no value begins like this");
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return null;
    this.at += found.length;
    return found;
  }

  private space(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  private wrong(what: string): Wrong {
    return new Wrong(this.at, what);
  }
}

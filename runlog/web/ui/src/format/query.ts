// The text of a query, as the page edits it: its pieces for colouring, and terms added, removed and turned round. What a
// query means is decided by the server alone; see runlog/stores/query.

export type PieceKind = "space" | "word" | "phrase" | "key" | "operator" | "value" | "keyword" | "negation" | "paren";

export interface QueryPiece {
  kind: PieceKind;
  start: number;
  end: number;
}

const KEYWORDS = new Set(["OR", "AND", "NOT"]);
const BARE = /[^\s()":]+/y;
const BARE_VALUE = /[^\s()"]+/y;
const OPERATOR = /:(?:>=|<=|>|<|=)?/y;
const QUOTED = /"(?:[^"\\]|\\[\s\S])*"?\*?/y;
const SPACE = /\s+/y;

function reach(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** Every character of a query is in exactly one piece, whatever was typed. */
export function pieces(text: string): QueryPiece[] {
  const found: QueryPiece[] = [];
  const groups: boolean[] = []; // for each open parenthesis: whether it holds the values of a key
  let at = 0;
  const take = (kind: PieceKind, end: number) => {
    found.push({ kind, start: at, end });
    at = end;
  };
  while (at < text.length) {
    const character = text[at] as string;
    if (/\s/.test(character)) take("space", reach(SPACE, text, at));
    else if (character === "(") {
      groups.push(found.at(-1)?.kind === "operator");
      take("paren", at + 1);
    } else if (character === ")") {
      groups.pop();
      take("paren", at + 1);
    } else if (found.at(-1)?.kind === "operator") take("value", valueEnd(text, at));
    else if (character === "-" && startsItem(found)) take("negation", at + 1);
    else if (groups.at(-1)) takeValue(text, at, take);
    else takeItem(text, at, take);
  }
  return found;
}

function startsItem(found: QueryPiece[]): boolean {
  const last = found.at(-1)?.kind;
  return last === undefined || last === "space" || last === "paren" || last === "negation";
}

function valueEnd(text: string, at: number): number {
  return text[at] === '"' ? reach(QUOTED, text, at) : reach(BARE_VALUE, text, at);
}

function takeValue(text: string, at: number, take: (kind: PieceKind, end: number) => void): void {
  const end = valueEnd(text, at);
  take(KEYWORDS.has(text.slice(at, end)) ? "keyword" : "value", end);
}

function takeItem(text: string, at: number, take: (kind: PieceKind, end: number) => void): void {
  const quoted = text[at] === '"';
  const end = quoted ? reach(QUOTED, text, at) : reach(BARE, text, at);
  if (text[end] === ":") {
    if (end > at) take("key", end);
    take("operator", reach(OPERATOR, text, end));
  } else take(quoted ? "phrase" : KEYWORDS.has(text.slice(at, end)) ? "keyword" : "word", end);
}

/** A part of a query that all of the others are ANDed with. */
interface Clause {
  text: string;
  negated: boolean;
  /** Of `key:value` and `key:(a OR b)`; null for words, phrases and what is more complicated. */
  key: string | null;
  values: string[];
}

interface Clauses {
  clauses: Clause[];
  /** There is an OR outside of every parenthesis: what is added has to go around it. */
  or: boolean;
}

function clausesOf(text: string): Clauses {
  const all = pieces(text);
  const result: Clauses = { clauses: [], or: false };
  let current: QueryPiece[] = [];
  let depth = 0;
  const close = () => {
    if (current.length) result.clauses.push(clauseOf(text, current));
    current = [];
  };
  for (const piece of all) {
    const word = text.slice(piece.start, piece.end);
    if (word === "(" && piece.kind === "paren") depth++;
    if (depth === 0 && piece.kind === "space" && text.slice(current[0]?.start, current.at(-1)?.end) !== "NOT") close();
    else if (depth === 0 && piece.kind === "keyword" && word !== "NOT") {
      close();
      result.or ||= word === "OR";
    } else if (current.length || piece.kind !== "space") current.push(piece);
    if (word === ")" && piece.kind === "paren") depth = Math.max(0, depth - 1);
  }
  close();
  return result;
}

function clauseOf(text: string, list: QueryPiece[]): Clause {
  const whole = text.slice(list[0]?.start, list.at(-1)?.end);
  const negated = list[0]?.kind === "negation" || whole.startsWith("NOT ");
  const rest = list.filter((piece) => piece.kind !== "space").slice(negated ? 1 : 0);
  const clause: Clause = { text: whole, negated, key: null, values: [] };
  const [key, operator, ...tail] = rest;
  if (key?.kind !== "key" || operator?.kind !== "operator" || text.slice(operator.start, operator.end) !== ":") {
    return clause;
  }
  const texts = tail.map((piece) => text.slice(piece.start, piece.end));
  if (tail.length === 1 && tail[0]?.kind === "value") {
    return { ...clause, key: text.slice(key.start, key.end), values: texts };
  }
  const inner = texts.slice(1, -1);
  if (texts[0] === "(" && texts.at(-1) === ")" && inner.every((word, at) => (at % 2 ? word === "OR" : word !== "("))) {
    return { ...clause, key: text.slice(key.start, key.end), values: inner.filter((_, at) => at % 2 === 0) };
  }
  return clause;
}

function spell(clause: Clause): string {
  if (clause.key === null) return clause.text;
  const value = clause.values.length === 1 ? clause.values[0] : `(${clause.values.join(" OR ")})`;
  return `${clause.negated ? "-" : ""}${clause.key}:${value}`;
}

function joined(parsed: Clauses, text: string, added: string): string {
  if (parsed.or) return added ? `(${text.trim()}) ${added}` : text;
  return [...parsed.clauses.map((clause) => clause.text), added].filter(Boolean).join(" ");
}

/** A value as it is written behind `key:`. */
export function quoteValue(value: string): string {
  return /^[^\s()"*<>=][^\s()"*]*$/.test(value) ? value : quoted(value);
}

export function quoteKey(key: string): string {
  return /^[^\s:()"*-][^\s:()"*]*$/.test(key) ? key : quoted(key);
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** The term that finds what has this value. */
export function termOf(key: string, value: string): string {
  return `${quoteKey(key)}:${quoteValue(value)}`;
}

/** Keys that are fields of a run or an event: an attribute of such a name is spelt with a prefix. */
const FIELD =
  /^(?:run(?:\..*)?|attr\..*|task|queue|status|tag|level|kind|name|message|time|dur|duration|trace|span|span\.status|parent)$/;
const LONGEST_VALUE = 200;

/** The term that finds an attribute by its value; null where none does. */
export function attributeTerm(key: string, value: unknown): string | null {
  const text = valueText(value);
  if (text === null || text.length > LONGEST_VALUE) return null;
  return termOf(FIELD.test(key) ? `attr.${key}` : key, text);
}

function valueText(value: unknown): string | null {
  if (typeof value === "string") return value;
  return value === null || ["boolean", "number", "bigint"].includes(typeof value) ? String(value) : null;
}

/** Keys of which a run has several values: two terms narrow further, where two of another key would find nothing. */
const SEVERAL = new Set(["tag", "run.tag", "run.tags"]);

function single(term: string): Clause | null {
  const parsed = clausesOf(term).clauses;
  const clause = parsed[0];
  return parsed.length === 1 && clause && clause.key !== null && clause.values.length === 1 ? clause : null;
}

/** The keys of which a query wants certain values, or not certain ones. */
export function keysOf(query: string): Set<string> {
  return new Set(clausesOf(query).clauses.flatMap((clause) => clause.key ?? []));
}

/** Whether a query keeps only what a term finds ("for"), leaves it out ("out"), or says nothing of it. */
export function stance(query: string, term: string): "for" | "out" | null {
  const wanted = single(term);
  for (const clause of clausesOf(query).clauses) {
    const same = wanted ? clause.key === wanted.key && clause.values.includes(wanted.values[0] ?? "") : false;
    if (same || clause.text === term) return clause.negated ? "out" : "for";
    if (clause.text === `-${term}`) return "out";
  }
  return null;
}

/** The query without a term, in whichever way it was in it. */
export function withoutTerm(query: string, term: string): string {
  const parsed = clausesOf(query);
  if (parsed.or) return query;
  const wanted = single(term);
  const kept: string[] = [];
  for (const clause of parsed.clauses) {
    if (clause.text === term || clause.text === `-${term}`) continue;
    if (wanted && clause.key === wanted.key) {
      const values = clause.values.filter((value) => value !== wanted.values[0]);
      if (values.length === clause.values.length) kept.push(clause.text);
      else if (values.length) kept.push(spell({ ...clause, values }));
    } else kept.push(clause.text);
  }
  return kept.join(" ");
}

/** The query, keeping only what the term finds too. A second value of a key widens to either: both find nothing. */
export function withTerm(query: string, term: string): string {
  if (stance(query, term) === "for") return query.trim();
  const text = withoutTerm(query, term);
  const parsed = clausesOf(text);
  const wanted = single(term);
  if (parsed.or || !wanted || wanted.negated || SEVERAL.has(wanted.key ?? "")) return joined(parsed, text, term);
  const beside = parsed.clauses.findIndex((clause) => !clause.negated && clause.key === wanted.key);
  const found = parsed.clauses[beside];
  if (!found) return joined(parsed, text, term);
  const merged = spell({ ...found, values: [...found.values, ...wanted.values] });
  return parsed.clauses.map((clause, at) => (at === beside ? merged : clause.text)).join(" ");
}

/** The query, leaving out what the term finds. */
export function withoutMatches(query: string, term: string): string {
  if (stance(query, term) === "out") return query.trim();
  const text = withoutTerm(query, term);
  return joined(clausesOf(text), text, `-${term}`);
}

/** The next step of a click on a value: keep only it, or no longer. */
export function toggled(query: string, term: string, out = false): string {
  const now = stance(query, term);
  if (out) return now === "out" ? withoutTerm(query, term) : withoutMatches(query, term);
  return now === "for" ? withoutTerm(query, term) : withTerm(query, term);
}

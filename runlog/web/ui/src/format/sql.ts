// SQL as tokens with a kind each, laid out in lines. Only white space is changed: what is shown is what ran.

export type SqlKind = "keyword" | "text" | "string" | "number" | "name" | "parameter" | "comment" | "function";

export interface SqlToken {
  kind: SqlKind;
  text: string;
  /** There was white space before it. */
  spaced: boolean;
}

/** Statements longer than this are shown as they are: laying them out is not worth the wait. */
export const LONGEST = 50_000;

const KEYWORDS = new Set(
  `add all alter analyze and any array as asc begin between by cascade case cast check collate column commit conflict
  constraint create cross current database default delete desc distinct do drop else end escape except exists explain
  false fetch filter first following for foreign from full grant group having if ignore ilike in index inner insert
  intersect into is isolation join key last lateral left level like limit lock materialized merge natural not nothing
  null nulls of offset on only or order outer over partition pragma preceding primary range recursive references
  release rename replace restrict returning revoke right rollback row rows savepoint select session set share show
  similar skip start table tablesample temp temporary then to transaction trigger true truncate unbounded union unique
  update using vacuum values view when where window with within without`.split(/\s+/),
);

const TOKEN = new RegExp(
  [
    String.raw`(?<comment>--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<string>(?:\b[bBeEnNxX])?'(?:[^']|'')*(?:'|$)|\$(?<tag>[A-Za-z_]*)\$[\s\S]*?(?:\$\k<tag>\$|$))`,
    String.raw`(?<name>"(?:[^"]|"")*(?:"|$)|${"`"}[^${"`"}]*(?:${"`"}|$)|\[[A-Za-z_][\w ]*\])`,
    String.raw`(?<parameter>\?\d*|\$\d+|%s|%\(\w+\)s|(?<!:):[A-Za-z_]\w*|@[A-Za-z_]\w*)`,
    String.raw`(?<number>\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\b0[xX][\dA-Fa-f]+\b)`,
    String.raw`(?<word>[\p{L}_][\p{L}\p{N}_$]*)`,
    String.raw`(?<space>\s+)`,
    String.raw`(?<sign>::|<=>|<>|!=|<=|>=|\|\||->>|->|[^\s])`,
  ].join("|"),
  "gu",
);

/** The tokens of a statement without its white space. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let spaced = false;
  for (const { 0: text, groups } of sql.matchAll(TOKEN)) {
    if (groups?.space === undefined) tokens.push({ kind: kindOf(text, groups ?? {}), text, spaced });
    spaced = groups?.space !== undefined;
  }
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1];
    if (token.kind === "text" && next?.text === "(" && !next.spaced && /^\p{L}/u.test(token.text))
      token.kind = "function";
  }
  return tokens;
}

function kindOf(text: string, groups: Record<string, string | undefined>): SqlKind {
  for (const kind of ["comment", "string", "name", "parameter", "number"] as const) {
    if (groups[kind] !== undefined) return kind;
  }
  return groups.word !== undefined && KEYWORDS.has(text.toLowerCase()) ? "keyword" : "text";
}

/** Keywords that begin a line at the depth of their parentheses. */
const CLAUSES = new Set(
  "select from where group order having limit offset union intersect except insert update delete values set returning with window join left right inner outer full cross natural".split(
    " ",
  ),
);
/** What belongs to the word before it: no new line between `left join`, `insert into`, `delete from`, `do update`. */
const GLUED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["join", new Set(["left", "right", "inner", "outer", "full", "cross", "natural", "lateral"])],
  ["outer", new Set(["left", "right", "full"])],
  ["left", new Set(["natural"])],
  ["right", new Set(["natural"])],
  ["inner", new Set(["natural"])],
  ["from", new Set(["delete", "distinct"])],
  ["update", new Set(["for", "do", "on"])],
  ["set", new Set(["update"])],
  ["delete", new Set(["on"])],
  ["order", new Set(["within"])],
  ["or", new Set(["insert", "create"])],
]);
/** The statement in lines of tokens with the white space between them, indented by two spaces a depth. */
export function formatSql(sql: string): SqlToken[][] {
  const layout = new Layout();
  const tokens = sqlTokens(sql);
  for (const [at, token] of tokens.entries()) layout.add(token, tokens[at - 1], tokens[at + 1]);
  return layout.lines.filter((line) => line.some((token) => token.text.trim() !== ""));
}

class Layout {
  readonly lines: SqlToken[][] = [[]];
  /** For each open parenthesis the depth of its line, if it is a subquery, whose clauses begin lines; null: a list. */
  private readonly open: (number | null)[] = [];
  private depth = 0;
  private ranges = 0;

  add(token: SqlToken, previous: SqlToken | undefined, next: SqlToken | undefined): void {
    const word = token.kind === "keyword" ? token.text.toLowerCase() : "";
    if (word === "between") this.ranges++;
    if (previous?.text.startsWith("--") || (previous?.text === ";" && this.open.length === 0)) this.fresh();
    if (this.open.at(-1) !== null && previous !== undefined) {
      if (isBreak(word, previous, next)) this.fresh();
      else if (isCondition(word, previous, this.ranges > 0)) this.fresh(1);
    }
    if (word === "and" && this.ranges > 0) this.ranges--;
    if (token.text === ")") {
      const outside = this.open.pop();
      if (typeof outside === "number") this.fresh(0, outside);
    }
    this.put(token);
    if (token.text === "(") {
      const isQuery = next?.kind === "keyword" && ["select", "with"].includes(next.text.toLowerCase());
      this.open.push(isQuery ? this.depth : null);
      if (isQuery) this.fresh();
    }
  }

  private put(token: SqlToken): void {
    const line = this.lines.at(-1);
    const begun = line?.some((part) => part.text.trim() !== "");
    if (token.spaced && begun) line?.push(blank(1));
    line?.push(token);
  }

  private fresh(deeper = 0, depth = this.inside()): void {
    this.depth = depth + deeper;
    this.lines.push(this.depth > 0 ? [blank(2 * this.depth)] : []);
  }

  /** The depth of the clauses of the innermost subquery. */
  private inside(): number {
    const outside = this.open.findLast((depth) => depth !== null) ?? null;
    return outside === null ? 0 : outside + 1;
  }
}

function blank(width: number): SqlToken {
  return { kind: "text", text: " ".repeat(width), spaced: false };
}

function isBreak(word: string, previous: SqlToken, next: SqlToken | undefined): boolean {
  if (!CLAUSES.has(word)) return false;
  const before = previous.text.toLowerCase();
  if (previous.text === "." || next?.text === ".") return false;
  if ((word === "left" || word === "right") && next?.text === "(") return false; // the functions
  return !GLUED.get(word)?.has(before);
}

function isCondition(word: string, previous: SqlToken, isRange: boolean): boolean {
  if (GLUED.get(word)?.has(previous.text.toLowerCase())) return false;
  return word === "or" || (word === "and" && !isRange);
}

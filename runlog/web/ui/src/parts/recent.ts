// What this browser remembers for its user: recent queries and named views. Nothing else of the data is kept.

const MOST = 8;

export function recentQueries(view: string): string[] {
  return strings(read(`runlog.recent.${view}`)).slice(0, MOST);
}

export function rememberQuery(view: string, query: string): void {
  const text = query.trim();
  if (!text || text.length > 1000) return;
  const others = recentQueries(view).filter((known) => known !== text);
  write(`runlog.recent.${view}`, [text, ...others].slice(0, MOST));
}

export interface NamedView {
  name: string;
  /** The query string of the address. */
  search: string;
}

export function namedViews(view: string): NamedView[] {
  const found = read(`runlog.views.${view}`);
  if (!Array.isArray(found)) return [];
  return found.filter(
    (one): one is NamedView => typeof one?.name === "string" && typeof one?.search === "string" && one.name !== "",
  );
}

/** Keep a view under a name; one of the same name is replaced. False: this browser keeps nothing. */
export function keepView(view: string, kept: NamedView, before = kept.name): boolean {
  const list = namedViews(view);
  const at = list.findIndex((one) => one.name === before);
  const others = list.filter((one) => one.name !== kept.name && one.name !== before);
  others.splice(at < 0 ? others.length : Math.min(at, others.length), 0, kept);
  return write(`runlog.views.${view}`, others);
}

export function dropView(view: string, name: string): void {
  write(
    `runlog.views.${view}`,
    namedViews(view).filter((one) => one.name !== name),
  );
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(key: string, value: unknown): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

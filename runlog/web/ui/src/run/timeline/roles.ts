/** What kind of thing a span is, by the names that runlog and its instrumentations give. Decides icons and how a bar is
 * drawn, never what a span means. */

export const PLAIN = 0;
export const ATTEMPT = 1;
export const DELAY = 2;
/** `wait.for()`, `wait.until()`, `wait.for_token()`. */
export const WAIT = 3;
/** Waits for runs that it triggered. */
export const TRIGGER = 4;
export const HTTP = 5;
export const DATABASE = 6;
/** The task's own function, and hooks. */
export const CODE = 7;
export const BLOCKED = 8;

const RULES: [RegExp, number][] = [
  [/^Attempt \d+$/, ATTEMPT],
  [/^Retry #\d+ delay$/, DELAY],
  [/^wait\.\w+\(\)$/, WAIT],
  [/\.(batch_)?trigger(_and_wait)?\(\)$/, TRIGGER],
  [/^(HTTP|GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)( |$)/, HTTP],
  [/^(SELECT|INSERT|UPDATE|WITH|CREATE|DROP|ALTER|BEGIN|COMMIT|ROLLBACK|PRAGMA|MERGE|TRUNCATE)( |$)/, DATABASE],
  [/^(run|on_\w+|middleware|init|cleanup)\(\)$/, CODE],
  [/^event loop blocked/, BLOCKED],
];

export function roleOf(name: string): number {
  for (const [pattern, role] of RULES) if (pattern.test(name)) return role;
  return PLAIN;
}

/** Attempts and the delays between them say each their own thing: they are never folded. */
export function isStep(role: number): boolean {
  return role === ATTEMPT || role === DELAY;
}

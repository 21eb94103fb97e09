import { expect, test } from "vitest";
import { formatSql, sqlTokens } from "../../src/format/sql";

const laidOut = (sql: string) => formatSql(sql).map((line) => line.map((token) => token.text).join(""));
const squeezed = (sql: string) =>
  sqlTokens(sql)
    .map((token) => token.text)
    .join("");

test("each clause has a line, conditions are indented", () => {
  expect(
    laidOut(
      "select id, name from users u left join orders o on o.user_id = u.id where u.id = ? and age between 1 and 2 order by name limit 10",
    ),
  ).toEqual([
    "select id, name",
    "from users u",
    "left join orders o on o.user_id = u.id",
    "where u.id = ?",
    "  and age between 1 and 2",
    "order by name",
    "limit 10",
  ]);
});

test("a list of values and a call stay on their line, a subquery is indented", () => {
  expect(laidOut("INSERT OR REPLACE INTO users (id, name)\n  VALUES (?,  coalesce(?, 'x'))")).toEqual([
    "INSERT OR REPLACE INTO users (id, name)",
    "VALUES (?, coalesce(?, 'x'))",
  ]);
  expect(laidOut("DELETE FROM a WHERE id IN (SELECT id FROM b WHERE x = 1) RETURNING id")).toEqual([
    "DELETE FROM a",
    "WHERE id IN (",
    "  SELECT id",
    "  FROM b",
    "  WHERE x = 1",
    ")",
    "RETURNING id",
  ]);
  expect(laidOut("select a from t where b and c in (select d from u where e and f) order by a")).toEqual([
    "select a",
    "from t",
    "where b",
    "  and c in (",
    "    select d",
    "    from u",
    "    where e",
    "      and f",
    "  )",
    "order by a",
  ]);
});

test("what is inside strings, names and comments is not touched", () => {
  const sql = `SELECT 'from  where ''x''', "order", $$ where $$ -- and from\nFROM "my table" /* where */`;
  const tokens = sqlTokens(sql);
  expect(tokens.filter((token) => token.kind === "string").map((token) => token.text)).toEqual([
    "'from  where ''x'''",
    "$$ where $$",
  ]);
  expect(tokens.filter((token) => token.kind === "comment").map((token) => token.text)).toEqual([
    "-- and from",
    "/* where */",
  ]);
  // What follows a comment to the end of the line is on a line of its own, or it would become a comment.
  expect(laidOut(sql).find((line) => line.includes("--"))).toMatch(/-- and from$/);
});

test("only white space changes, whatever the text", () => {
  for (const sql of [
    "SELECT a::int, b->>'k', c[1] FROM t WHERE x=%s AND y=%(z)s OR q = :name",
    "select 'never closed",
    "))) from ((select",
    'CREATE TABLE "a" (id integer primary key, b text not null)',
    "WITH x AS (SELECT 1) SELECT * FROM x; UPDATE y SET a = 1e-3 ON CONFLICT DO UPDATE SET b = @c",
    "\ud800 💥 ünïcode $tag$ a $tag$",
  ]) {
    expect(laidOut(sql).join(" ").replaceAll(/\s/g, "")).toBe(squeezed(sql).replaceAll(/\s/g, ""));
    expect(squeezed(sql).replaceAll(/\s/g, "")).toBe(sql.replaceAll(/\s/g, ""));
  }
});

test("words have their kind", () => {
  expect(sqlTokens("SELECT count(x), ?1, 4.5").map((token) => token.kind)).toEqual([
    "keyword",
    "function",
    "text",
    "text",
    "text",
    "text",
    "parameter",
    "text",
    "number",
  ]);
});

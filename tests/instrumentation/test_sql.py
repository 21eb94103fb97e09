"""No literal of a statement is kept, in any dialect; what is not a literal is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.instrumentation.sql import sanitized

DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql", "")


@pytest.mark.parametrize(
    ("dialect", "statement", "expected"),
    [
        ("sqlite", "SELECT a FROM t WHERE b = 'o''brien' AND c = 5 -- why", "SELECT a FROM t WHERE b = ? AND c = ?"),
        (
            "sqlite",
            "SELECT t1.a2 FROM t1 WHERE x IN (1, 2.5, .5, 1e-9, 0xFF)",
            "SELECT t1.a2 FROM t1 WHERE x IN (?, ?, ?, ?, ?)",
        ),
        ("sqlite", 'SELECT "a" FROM "t" WHERE "t"."b" = "t"."c"', 'SELECT "a" FROM "t" WHERE "t"."b" = "t"."c"'),
        ("sqlite", 'SELECT a FROM t WHERE b = "text"', "SELECT a FROM t WHERE b = ?"),
        ("sqlite", 'INSERT INTO t ("a") VALUES ("text", x\'ff\')', 'INSERT INTO t ("a") VALUES (?, ?)'),
        ("postgresql", r"SELECT E'it\'s', 'back\', $$a 'b'$$, $x$ $$ $x$, $1", "SELECT ?, ?, ?, ?, $1"),
        ("postgresql", "SELECT a /* x /* 'y' */ z */ FROM t", "SELECT a   FROM t"),
        ("postgresql", "SELECT '{1}'::int[], a#>'{b}' FROM t", "SELECT ?::int[], a#>? FROM t"),
        ("postgresql", "SELECT %(id)s, %s, :name", "SELECT %(id)s, %s, :name"),
        ("mysql", r"""SELECT "it\"s", 'it\'s', `a'b` # 'c'""", "SELECT ?, ?, `a'b`"),
        ("mysql", "SELECT 5--3, _utf8'x' -- y", "SELECT ?--?, ?"),
        ("oracle", "SELECT q'[it's]', nq'{a'b}' FROM dual", "SELECT ?, ? FROM dual"),
        ("oracle", "ALTER USER scott IDENTIFIED BY tiger", "ALTER USER scott IDENTIFIED BY ?"),
        ("postgresql", "CREATE ROLE r PASSWORD 'x'", "CREATE ROLE r PASSWORD ?"),
        ("mssql", "SELECT [it's], N'x' FROM [dbo].[t]", "SELECT [it's], ? FROM [dbo].[t]"),
        ("", "SELECT 'a', 1 FROM t", "SELECT ?, ? FROM t"),
    ],
)
def test_literals_are_replaced_and_nothing_else(dialect: str, statement: str, expected: str) -> None:
    assert sanitized(statement, dialect).text == expected


@pytest.mark.parametrize(
    ("dialect", "statement"),
    [
        *[(dialect, "SELECT 'never ends") for dialect in DIALECTS],
        *[(dialect, "SELECT a /* never ends") for dialect in DIALECTS],
        *[(dialect, 'SELECT "never ends') for dialect in DIALECTS],
        ("postgresql", "SELECT $a$ never ends $b$"),
        ("postgresql", r"SELECT E'never ends\'"),
        ("mysql", r"SELECT 'never ends\'"),
        ("oracle", "SELECT q'[never ends]"),
        ("mssql", "SELECT [never ends"),
        ("", r"SELECT 'a\' OR b = 'secret'"),
        ("", "SELECT a # 'b' or not\n"),
        ("", "SELECT /* a /* b */ 'c' */ d"),
        ("sqlite", "SELECT '" + "x" * 200_000 + "'"),
    ],
)
def test_a_text_that_is_not_clear_is_dropped_whole(dialect: str, statement: str) -> None:
    assert sanitized(statement, dialect).text is None


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT a FROM users WHERE b = 1", "SELECT users"),
        ("select * from public.users u join x on 1", "select public.users"),
        ('INSERT INTO "Big Table" (a) VALUES (?)', "INSERT Big Table"),
        ("UPDATE ONLY users SET a = 1", "UPDATE users"),
        ("DELETE FROM users", "DELETE users"),
        ("CREATE TABLE IF NOT EXISTS users (a int)", "CREATE users"),
        ("WITH x AS (SELECT 1 FROM inner_table) DELETE FROM users", "DELETE users"),
        ("SELECT count(*) FROM (SELECT 1 FROM users) AS q", "SELECT users"),
        ("SELECT 1", "SELECT"),
        ("-- why\n/* and */ PRAGMA table_info('x')", "PRAGMA"),
        ("", ""),
    ],
)
def test_the_summary_is_the_operation_and_the_first_table(statement: str, summary: str) -> None:
    assert sanitized(statement, "postgresql").summary.casefold() == summary.casefold()


SECRET = "s3cr3t"


def literal(dialect: str) -> st.SearchStrategy[str]:
    """A way to write a text that holds SECRET, and may hold quotes, comments and backslashes too."""
    noise = st.text("ab '\"\\$-/*#;[]`\n", max_size=6)
    text = st.builds(lambda before, after: before + SECRET + after, noise, noise)
    escapes = dialect in ("mysql", "mariadb")
    quoted = text.map(lambda t: "'" + (t.replace("\\", "\\\\") if escapes else t).replace("'", "''") + "'")
    kinds = [quoted]
    if escapes:
        kinds.append(text.map(lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"'))
    if dialect == "postgresql":
        kinds.append(text.map(lambda t: "E'" + t.replace("\\", "\\\\").replace("'", "\\'") + "'"))
        kinds.append(text.map(lambda t: "$q$" + t.replace("$", "") + "$q$"))
    if dialect == "oracle":
        kinds.append(text.map(lambda t: "q'!" + t.replace("!", "") + "!'"))
    return st.one_of(kinds)


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, str]:
    dialect = draw(st.sampled_from([name for name in DIALECTS if name]))
    other = st.sampled_from([" a ", "=", "(", ")", ",", " AND ", "/* c */", "-- c\n", " ? ", "1", ".", "::"])
    parts = draw(st.lists(st.one_of(literal(dialect), other), max_size=12))
    return dialect, "SELECT " + " ".join(parts)


@given(statements())
def test_no_secret_of_a_literal_is_ever_kept(drawn: tuple[str, str]) -> None:
    dialect, statement = drawn
    text = sanitized(statement, dialect).text
    assert text is not None
    assert SECRET not in text


@given(st.text("ab'\"\\$-/*#;[]()`\n qQeE!=.5", max_size=60), st.sampled_from(DIALECTS))
def test_any_text_is_read_to_its_end(statement: str, dialect: str) -> None:
    found = sanitized(statement, dialect)
    assert found.text is None or "'" not in found.text or "`" in found.text or "[" in found.text or '"' in found.text

"""The query language, the same for every store, the command line and the API.

    timeout "connection reset" conn*          words, phrases and beginnings of words, in messages and span names
    level:>=warn task:send-email dur:>2s      fields of events and of runs
    user.id:u_5* amount:>99.5 key:*           any other key is an attribute; `key:*` says that it is there
    key:"a b" key:(a OR b)                    quoted values, several values
    -term  NOT term  a OR b  (a b) OR c       AND is implicit and binds tighter than OR

Equality is exact: case-sensitive and the whole value; numbers also match by worth (`amount:5` finds 5.0), lists match
when any element does. A term about something that is not there is false, so its negation is true. Words are compared as
`words` says. `<` and `>` compare numbers, durations and times, whichever the value spells. `time:14:02` is that minute.
"""

from __future__ import annotations

from runlog.errors import QueryError
from runlog.stores.query.fields import (
    ATTRIBUTE_PREFIX,
    EVENT_FIELDS,
    EVENT_KINDS,
    RUN_FIELDS,
    RUN_STATUSES,
    SPAN_STATUSES,
    Field,
    attribute_key,
    field_of,
    is_run_field,
)
from runlog.stores.query.literals import (
    Amount,
    amount_of,
    attribute_text,
    compare,
    equal_texts,
    format_time,
    parse_amount,
    parse_duration,
    parse_number,
    parse_time,
)
from runlog.stores.query.nodes import (
    And,
    Node,
    Not,
    Op,
    Or,
    Phrase,
    Query,
    Term,
    Word,
    is_time_range,
    leaves,
    needs_event,
    spelled_key,
    spelled_value,
)
from runlog.stores.query.parser import parse
from runlog.stores.query.words import WORD_TOKENIZER, contains, words

__all__ = [
    "ATTRIBUTE_PREFIX",
    "EVENT_FIELDS",
    "EVENT_KINDS",
    "RUN_FIELDS",
    "RUN_STATUSES",
    "SPAN_STATUSES",
    "WORD_TOKENIZER",
    "Amount",
    "And",
    "Field",
    "Node",
    "Not",
    "Op",
    "Or",
    "Phrase",
    "Query",
    "QueryError",
    "Term",
    "Word",
    "amount_of",
    "attribute_key",
    "attribute_text",
    "compare",
    "contains",
    "equal_texts",
    "field_of",
    "format_time",
    "is_run_field",
    "is_time_range",
    "leaves",
    "needs_event",
    "parse",
    "parse_amount",
    "parse_duration",
    "parse_number",
    "parse_time",
    "spelled_key",
    "spelled_value",
    "words",
]

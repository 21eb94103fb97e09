"""Names of instrumentations that can be installed: for the line to type when one is missing."""

from __future__ import annotations

FIRST_PARTY = frozenset({"httpx", "requests", "sqlalchemy"})

DATABASE_DRIVERS = frozenset(
    {
        "aiomysql",
        "aiopg",
        "aiosqlite",
        "asyncpg",
        "dbapi",
        "mysql",
        "mysqlclient",
        "psycopg",
        "psycopg2",
        "pymssql",
        "pymysql",
        "sqlite3",
    }
)

_PREFIX = "opentelemetry-instrumentation-"
# Entry-point name → the end of its distribution's name, where that is another.
_OTHER_DISTRIBUTIONS = {
    "aiobotocore": "botocore",
    "boto3": "boto3sqs",
    "grpc-aio-client": "grpc",
    "grpc-aio-server": "grpc",
    "grpc-client": "grpc",
    "grpc-server": "grpc",
    "httpx2": "httpx",
    "kafka": "kafka-python",
    "openai": "openai-v2",
}
_NAMES = (
    "aio-pika aiobotocore aiohttp-client aiohttp-server aiokafka aiopg asyncclick asyncio asyncpg boto boto3 botocore "
    "cassandra celery click confluent-kafka django elasticsearch exceptions falcon fastapi flask grpc-aio-client "
    "grpc-aio-server grpc-client grpc-server httpx2 jinja2 kafka logging mysql mysqlclient openai pika psycopg "
    "psycopg2 pymemcache pymongo pymssql pymysql pyramid redis remoulade sqlite3 starlette structlog system-metrics "
    "threading tornado tortoiseorm urllib urllib3 vertexai"
)
OPENTELEMETRY = {name: _PREFIX + _OTHER_DISTRIBUTIONS.get(name, name) for name in _NAMES.split()}

# What OpenTelemetry's own instrumentations of an upper layer cover, by entry-point name.
OPENTELEMETRY_COVERS: dict[str, frozenset[str]] = {
    "aiobotocore": frozenset({"aiohttp-client", "urllib3"}),
    "boto3": frozenset({"botocore", "urllib3"}),
    "botocore": frozenset({"urllib3"}),
    "elasticsearch": frozenset({"urllib3", "requests", "aiohttp-client"}),
    "requests": frozenset({"urllib3"}),
    "sqlalchemy": DATABASE_DRIVERS,
    "tortoiseorm": DATABASE_DRIVERS,
}


def first_party_line(name: str) -> str:
    """Return the line that installs runlog's own instrumentation of that name."""
    return f"pip install 'runlog-tasks[{name}]'"


def opentelemetry_distribution(name: str) -> str:
    """Return the distribution that has OpenTelemetry's instrumentation of that name. Raises KeyError."""
    return OPENTELEMETRY[name]

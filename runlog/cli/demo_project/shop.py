"""The demo's database: a SQLite file through SQLAlchemy. It knows nothing of runlog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, func, insert, select

engine = create_engine(f"sqlite:///{Path(__file__).with_name('shop.db')}")
metadata = MetaData()
users = Table(
    "users", metadata, Column("id", Integer, primary_key=True), Column("name", String), Column("email", String)
)
orders = Table("orders", metadata, Column("id", Integer, primary_key=True), Column("cents", Integer))


def create_tables() -> None:
    metadata.create_all(engine)


def save_user(user: dict[str, Any]) -> None:
    with engine.begin() as connection:
        connection.execute(insert(users).prefix_with("OR REPLACE"), user)


def total_of(rows: list[dict[str, int]]) -> int:
    with engine.begin() as connection:
        connection.execute(insert(orders).prefix_with("OR REPLACE"), rows)
        return connection.execute(select(func.sum(orders.c.cents))).scalar_one()


def was_paid(order: int) -> bool:
    with engine.begin() as connection:
        return connection.execute(select(orders.c.id).where(orders.c.id == order)).first() is not None

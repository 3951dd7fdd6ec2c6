"""The same code on SQLite and PostgreSQL: transactions that don't deadlock, claim, or half-commit."""

from sqlalchemy import text

from data.database import Database


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.connection().execute(text("select 1"))

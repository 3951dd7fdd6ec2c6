"""Queries of every turn and every tick, put together once: to put one together takes longer than to run it."""

from collections.abc import Callable
from functools import cache, wraps
from inspect import Parameter, signature
from typing import Any, TypeVar

from sqlalchemy import ScalarResult, bindparam
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

Found = TypeVar("Found")


def prepared(build: Callable[..., SelectOfScalar[Found]]) -> Callable[..., ScalarResult[Found]]:
    """Runs the query with a place for each parameter of `build`: call it with a session and their values by name.

    A parameter has the type of the column it is compared with; a list and a limit have to say theirs, as a default.
    """

    @cache
    def query() -> SelectOfScalar[Found]:
        return build(*map(_place, signature(build).parameters.values()))

    @wraps(build)
    def run(session: Session, **values: Any) -> ScalarResult[Found]:
        return session.exec(query(), params=values)

    return run


def _place(parameter: Parameter) -> Any:
    return bindparam(parameter.name, type_=None if parameter.default is Parameter.empty else parameter.default)

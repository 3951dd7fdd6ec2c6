"""Who may do what. A page without a need can't be declared, and a role may do only what stands here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from starlette.responses import Response

from data.accounts import ConsoleRole

if TYPE_CHECKING:
    from bot.console.visit import Visit


class Needs(StrEnum):
    NOTHING = "nothing"  # not even a sign-in
    SIGN_IN = "sign_in"
    CASES = "cases"  # read patients of one's own service
    ACT = "act"  # acknowledge, assign, note, close, correct
    FIGURES = "figures"  # the service in numbers
    INVITE = "invite"  # patients
    ROTA = "rota"  # read it
    PLAN = "plan"  # change it
    STAFF = "staff"  # colleagues and their sign-ins


MAY: Mapping[ConsoleRole, frozenset[Needs]] = {
    ConsoleRole.PHYSIO: frozenset({Needs.CASES, Needs.ACT, Needs.INVITE, Needs.ROTA}),
    ConsoleRole.MANAGER: frozenset({Needs.FIGURES, Needs.INVITE, Needs.ROTA, Needs.PLAN}),
    ConsoleRole.ADMIN: frozenset({Needs.STAFF}),
}


def may(roles: frozenset[ConsoleRole]) -> frozenset[Needs]:
    return frozenset({Needs.NOTHING, Needs.SIGN_IN}).union(*(MAY[role] for role in roles))


@dataclass(frozen=True)
class Page:
    """One address. `polls`: it refreshes itself, so it keeps nobody signed in. `alone`: it opens its own transactions."""

    method: str
    path: str
    show: "Callable[[Visit], Response]"
    needs: Needs
    polls: bool = False
    alone: bool = False

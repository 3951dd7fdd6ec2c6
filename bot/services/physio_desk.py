"""The physiotherapist's side of the chat: cards, the list, duty. What they write is never a patient's message."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused, StaleAction
from bot.services.belief_desk import BeliefDesk
from bot.services.escalation import Escalation
from bot.services.incoming import Incoming
from bot.services.ladder import edit_card
from bot.services.measure_desk import MeasureDesk
from bot.services.measures import Measures
from bot.services.outgoing import Outgoing
from bot.services.rota_desk import RotaDesk
from bot.services.takeovers import Takeovers
from bot.services.talking_desk import TalkingDesk
from bot.services.visit import Visit
from data import alerts, audit, outbox, physios
from data.database import Database
from data.outbox import Button
from data.physios import Physio, PhysioRole

ALERTS = {"/alerts", "/duty", "/help", "acknowledge_alert", "close_alert", "show_alert"}
BELIEFS = {"/beliefs", "pick_patient", "show_flag", "choose_belief", "correct_flag", "share_words"}
MEASURES = {"/measures"}
TALKING = {"/reply", "/back", "use_template", "send_reply", "drop_reply", "read_words", "hand_back"}
NOBODY = 0  # what a button is about that names a patient by code
# What each role may do. What is not listed is refused.
MAY: Mapping[PhysioRole, frozenset[str]] = {
    PhysioRole.PHYSIO: frozenset(ALERTS | BELIEFS | MEASURES | TALKING),
    PhysioRole.LEAD: frozenset(ALERTS | BELIEFS | MEASURES | TALKING),
}


class PhysioDesk:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        escalation: Escalation,
        measures: Measures,
        takeovers: Takeovers,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._escalation = escalation
        self._rota = RotaDesk(escalation.rotas)
        beliefs = BeliefDesk(library, outgoing)
        self._talking = TalkingDesk(library, outgoing, takeovers)
        self._commands: Mapping[str, Callable[[Visit, str], None]] = {
            "/alerts": self._list,
            "/beliefs": beliefs.heard_from,
            "/measures": MeasureDesk(library, outgoing, measures).show,
            "/reply": self._talking.reply,
            "/back": self._talking.back,
            "/duty": self._duty,
            "/help": self._help,
        }
        self._taps: Mapping[str, Callable[[Visit, Button, int], None]] = {
            "acknowledge_alert": self._acknowledge,
            "close_alert": self._close,
            "show_alert": self._show,
            "pick_patient": beliefs.pick,
            "show_flag": beliefs.show,
            "choose_belief": beliefs.choose,
            "correct_flag": beliefs.correct,
            "share_words": beliefs.share,
            "use_template": self._talking.use_template,
            "send_reply": self._talking.send,
            "drop_reply": self._talking.drop,
            "read_words": self._talking.read,
            "hand_back": self._talking.hand_back,
        }

    def handle(self, session: Session, physio: Physio, incoming: Incoming) -> None:
        """Answers one update from a physio's chat. Who they are and what they may do is read from the database here."""
        now = self._clock.now()
        member = physios.by_chat(session, incoming.chat_id)
        if member is None or member.id != physio.id:
            return
        visit = Visit(session, member, incoming, now)
        if incoming.kind == "blocked":
            self._escalation.channel_lost(session, member, now)
            return
        if member.blocked_at:
            self._escalation.channel_back(session, member, now)
        if member.left_at:
            self._refuse(visit)
        elif incoming.kind == "unblocked":
            self._list(visit, "")
        elif incoming.kind == "tap":
            self._tap(visit)
        elif incoming.kind == "command":
            self._command(visit)
        elif not self._may(visit, "/reply") or not self._talking.reply_to_message(visit):
            self._help(visit, "")

    def welcome(self, session: Session, physio: Physio, incoming: Incoming) -> None:
        """The first message in a chat that was just linked to a physio; what waits for anybody comes at once."""
        visit = Visit(session, physio, incoming, self._clock.now())
        self._escalation.channel_back(session, physio, visit.now)
        self._say(visit, "utter_physio_linked", name=physio.name)
        if alerts.unclosed(session, physio.service_id):
            self._list(visit, "")

    # --- commands ---

    def _command(self, visit: Visit) -> None:
        name, _, rest = visit.incoming.text.strip().partition(" ")
        command = name.partition("@")[0].lower()
        answer = self._commands.get(command, self._help)
        if command in self._commands and not self._may(visit, command):
            self._refuse(visit)
        else:
            answer(visit, rest.strip())

    def _list(self, visit: Visit, _rest: str) -> None:
        """What is not closed, the worst first, with a button for each."""
        waiting = alerts.unclosed(visit.session, visit.physio.service_id)
        if not waiting:
            self._say(visit, "utter_no_alerts")
            return
        most = int(self._library.number("escalation.listed_at_most"))
        lines = [self._words("utter_alerts_head", count=len(waiting)).text]
        lines += [self._escalation.line(visit.session, alert, visit.now) for alert in waiting[:most]]
        if waiting[most:]:
            lines.append(self._words("utter_alerts_more", count=len(waiting[most:])).text)
        choices = tuple(
            Choice(label=alert.reference, effect={"effect": "show_alert", "alert": alert.id})
            for alert in waiting[:most]
        )
        self._write(visit, [Words("utter_alerts_head", "\n".join(lines), choices)], "list")

    def _duty(self, visit: Visit, rest: str) -> None:
        if rest.lower() == "on":
            self._start_duty(visit)
        elif rest.lower() == "off":
            self._end_duty(visit)
        else:
            names = ", ".join(each.name for each in self._on_duty(visit))
            who = names or self._words("utter_owner_nobody").text
            self._say(visit, "utter_duty_how", who=who)

    def _start_duty(self, visit: Visit) -> None:
        if physios.start_duty(visit.session, visit.physio, visit.now):
            self._audit(visit, "duty_started")
        self._escalation.somebody_is_back(visit.session, visit.now)
        self._say(visit, "utter_duty_on")
        if alerts.unclosed(visit.session, visit.physio.service_id):
            self._list(visit, "")

    def _end_duty(self, visit: Visit) -> None:
        """Goes off duty, also from a shift of the rota that runs, and is told what would then be left lying."""
        ended = physios.end_duty(visit.session, visit.physio, visit.now)
        left = self._rota.leave_shift(visit.session, visit.physio, visit.now)
        if ended or left:
            self._audit(visit, "duty_ended")
        words = [self._words("utter_duty_off")]
        if not self._on_duty(visit):
            words.append(self._words("utter_duty_nobody_left"))
        here = alerts.unclosed(visit.session, visit.physio.service_id)
        owned = [each for each in here if each.acknowledged_by == visit.physio.id]
        if owned:
            references = ", ".join(each.reference for each in owned)
            words.append(self._words("utter_duty_still_yours", references=references))
        self._write(visit, words, "reply")

    def _help(self, visit: Visit, _rest: str) -> None:
        self._say(visit, "utter_physio_help")

    # --- taps ---

    def _tap(self, visit: Visit) -> None:
        """A tap counts only in the chat that got the button, and while the button lives."""
        button = outbox.button(visit.session, visit.incoming.button_id)
        if button is None or button.chat_id != visit.incoming.chat_id or button.expires_at <= visit.now:
            self._say(visit, "utter_physio_stale")
            return
        effect = str(button.effect.get("effect", ""))
        about = button.effect.get("alert", button.effect.get("flag", NOBODY if effect in TALKING else None))
        if effect not in self._taps or not isinstance(about, int) or not self._may(visit, effect):
            self._refuse(visit)
            return
        self._note_arrival(visit, button)
        try:
            self._taps[effect](visit, button, about)
        except StaleAction as stale:
            self._replace(visit, button, self._words(stale.response, **stale.values).text)
            self._say(visit, stale.response, **stale.values)
            if stale.response == "utter_raised_again":
                self._escalation.show(visit.session, about, visit.physio, key=visit.key("card"), now=visit.now)
        except EffectRefused as refused:
            self._say(visit, refused.response, **refused.values)
        button.used_at = visit.now
        visit.session.add(button)

    def _acknowledge(self, visit: Visit, button: Button, alert_id: int) -> None:
        self._escalation.acknowledge(
            visit.session, alert_id, visit.physio, visit.now, seen=button.effect.get("raised")
        )  # fmt: skip

    def _close(self, visit: Visit, button: Button, alert_id: int) -> None:
        """First asks how it ended; the outcome closes it."""
        if outcome := button.effect.get("outcome"):
            self._escalation.close(
                visit.session, alert_id, visit.physio, str(outcome), visit.now, seen=button.effect.get("raised")
            )
            self._replace(visit, button, self._chosen(button))
        else:
            question = self._escalation.ask_outcome(visit.session, alert_id, visit.physio)
            self._replace(visit, button, self._chosen(button))
            self._write(visit, [question], "outcome")

    def _show(self, visit: Visit, button: Button, alert_id: int) -> None:
        """A fresh card; the list keeps its buttons, so that the next one can be opened too."""
        self._escalation.show(visit.session, alert_id, visit.physio, key=visit.key("card"), now=visit.now)
        row = outbox.by_key(visit.session, button.outbox_key)
        if row is None or row.kind != "list":
            self._replace(visit, button, self._chosen(button))

    def _note_arrival(self, visit: Visit, button: Button) -> None:
        """A tap proves that a card arrived, also when Telegram's answer to its sending was lost."""
        row = outbox.by_key(visit.session, button.outbox_key)
        if row and row.telegram_message_id is None:
            row.telegram_message_id = visit.incoming.message_id
            visit.session.add(row)
            visit.session.flush()

    def _replace(self, visit: Visit, button: Button, note: str) -> None:
        """The tapped keyboard gives way to what was chosen, or to why it no longer counts."""
        row = outbox.by_key(visit.session, button.outbox_key)
        message_id = visit.incoming.message_id
        if row and message_id is not None:
            key = visit.key("edit")
            edit_card(self._outgoing, visit.session, row, message_id, note, key=key, now=visit.now)

    # --- small parts ---

    def _on_duty(self, visit: Visit) -> list[Physio]:
        return self._escalation.rotas.on_duty(visit.session, visit.physio.service_id, visit.now)

    def _may(self, visit: Visit, what: str) -> bool:
        return what in MAY.get(visit.physio.role, frozenset())

    def _refuse(self, visit: Visit) -> None:
        self._audit(visit, "action_refused")
        self._say(visit, "utter_physio_cannot")

    def _chosen(self, button: Button) -> str:
        return self._words("utter_card_chosen", label=button.label).text

    def _say(self, visit: Visit, response: str, **values: Any) -> None:
        self._write(visit, [self._words(response, **values)], response)

    def _write(self, visit: Visit, words: list[Words], part: str) -> None:
        kind = "list" if part == "list" else "reply"
        self._outgoing.to_physio(
            visit.session, visit.physio, words, key=visit.key(part), now=visit.now, kind=kind,
        )  # fmt: skip

    def _words(self, response: str, **values: Any) -> Words:
        return self._library.say(response, **values)

    def _audit(self, visit: Visit, what: str) -> None:
        audit.record(visit.session, what, by=f"physio:{visit.physio.id}", now=visit.now)

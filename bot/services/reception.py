"""Who is writing? A physio goes to the desk, everybody else is (or may become) a patient. Deny by default."""

from bot.clock import Clock
from bot.content import Library
from bot.services.conversation import Conversation
from bot.services.enrolment import Enrolment
from bot.services.inbox import NO_CHAT
from bot.services.incoming import Incoming
from bot.services.outgoing import Outgoing
from bot.services.physio_desk import PhysioDesk
from data import inbox, patients, physios
from data.database import Database
from data.inbox import InboxState
from data.patients import PatientState


class Reception:
    """The handlers of `Turns`: the role comes from the database for every single update."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        enrolment: Enrolment,
        conversation: Conversation,
        desk: PhysioDesk,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._enrolment = enrolment
        self._conversation = conversation
        self._desk = desk

    async def first(self, incoming: Incoming) -> bool:
        """Screening, before the chat's queue. A physio's words are not a patient's."""
        if incoming.chat_id == NO_CHAT or incoming.kind == "group":
            return False
        with self._database.transaction() as session:
            if physios.by_chat(session, incoming.chat_id):
                return False
        return await self._conversation.screen_first(incoming)

    async def respond(self, incoming: Incoming) -> None:
        if not self._by_nobody(incoming) and not self._by_staff(incoming):
            await self._conversation.respond(incoming)

    async def give_up(self, incoming: Incoming) -> None:
        if incoming.chat_id == NO_CHAT or incoming.kind == "group":
            return
        with self._database.transaction() as session:
            if physios.by_chat(session, incoming.chat_id):
                return
        await self._conversation.give_up(incoming)

    def _by_nobody(self, incoming: Incoming) -> bool:
        """A group is told that this is between two; an update of no chat at all is put away."""
        if incoming.kind != "group" and incoming.chat_id != NO_CHAT:
            return False
        with self._database.transaction() as session:
            if incoming.chat_id != NO_CHAT:
                words = self._library.say("utter_private_chats_only")
                key, now = f"{incoming.key}:reply", self._clock.now()
                self._outgoing.to_chat(session, incoming.chat_id, words, key=key, now=now)
            inbox.finish(session, incoming.update_id, InboxState.DONE)
        return True

    def _by_staff(self, incoming: Incoming) -> bool:
        """Handles a physio's update, or the code that makes this chat a physio's."""
        now = self._clock.now()
        with self._database.transaction() as session:
            physio = physios.by_chat(session, incoming.chat_id)
            if physio:
                self._desk.handle(session, physio, incoming)
            elif code := _code(incoming):
                patient = patients.by_chat(session, incoming.chat_id)
                if patient and patient.state != PatientState.STRANGER:
                    return False
                physio = self._enrolment.redeem_as_physio(session, code, incoming.chat_id, now)
                if physio is None:
                    return False
                if patient:
                    patients.forget_stranger(session, patient)
                self._desk.welcome(session, physio, incoming)
            else:
                return False
            inbox.finish(session, incoming.update_id, InboxState.DONE)
            return True


def _code(incoming: Incoming) -> str:
    name, _, rest = incoming.text.partition(" ")
    return rest.strip() if incoming.kind == "command" and name.partition("@")[0] == "/start" else ""

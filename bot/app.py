"""The composition root: every part is made here, once, and handed what it needs."""

import secrets
from collections.abc import Callable, Collection, Mapping

from sqlmodel import Session

from bot.clock import Clock, SystemClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.mail import AddressOf
from bot.rasa.client import Rasa
from bot.services.aftercare import Aftercare
from bot.services.at_risk import AtRisk
from bot.services.at_risk_evidence import EvidenceBook
from bot.services.at_risk_prompts import AtRiskPrompts
from bot.services.call_sheet import CallSheets
from bot.services.calls import Calls
from bot.services.case_desk import CaseDesk
from bot.services.case_file import CaseFiles
from bot.services.checkins import CheckIns
from bot.services.contacts import Contacts
from bot.services.conversation import Conversation
from bot.services.delivery import Delivery, Sender
from bot.services.diary import Diary
from bot.services.effects import Effects
from bot.services.enrolment import Enrolment
from bot.services.escalation import Escalation
from bot.services.exercises import Exercises
from bot.services.expectation import Expectation
from bot.services.experiments import Experiments
from bot.services.explorations import Explorations
from bot.services.facts import Facts
from bot.services.fhir_case import FhirCase
from bot.services.flares import Flares
from bot.services.inbox import Inbox
from bot.services.links import Links
from bot.services.looking_back import Booster, Maintenance, Monthly
from bot.services.measures import Measures
from bot.services.modules import Modules
from bot.services.my_cards import MyCards
from bot.services.outgoing import Outgoing
from bot.services.overview import Overviews
from bot.services.people import People
from bot.services.physio_desk import PhysioDesk
from bot.services.plans import Plans
from bot.services.privacy import Privacy
from bot.services.programme import Programme
from bot.services.progress import Progress
from bot.services.prompts import Prompts
from bot.services.reception import Reception
from bot.services.referrals import Referrals
from bot.services.replies import Replies
from bot.services.rota_desk import RotaDesk
from bot.services.safety import Safety
from bot.services.sign_in import SignIn
from bot.services.skills import Skills
from bot.services.support_calls import SupportCalls
from bot.services.takeovers import Takeovers
from bot.services.talks import Talks
from bot.services.tick import Tick
from bot.services.timers import Timers
from bot.services.turns import Turns
from bot.services.watchdog import Answers, Loopback, Ping, Watchdog
from bot.services.weekly_review import WeeklyReview
from bot.services.why import WhyMessages
from bot.services.worklist import Worklist
from bot.telegram import synthetic
from bot.telegram.api import CoachBot, token_hash
from bot.telegram.reading import read_update
from bot.telegram.sender import TelegramSender
from data import patients, physios
from data.database import Database
from data.outbox import TELEGRAM, Channel, OutboxMessage


class App:
    """One coach: the same parts for Telegram, for the terminal and for tests; what differs is given in."""

    def __init__(
        self,
        *,
        database: Database,
        library: Library,
        rules: ScreeningRules,
        clock: Clock,
        rasa: Rasa,
        bot: CoachBot,
        alert_bot: CoachBot | None = None,
        mail: Callable[[AddressOf], Sender] | None = None,
        console: str = "",
    ) -> None:
        """`alert_bot`: a bot of its own for staff; `mail`: how e-mail leaves; `console`: its public address."""
        owner = secrets.token_hex(8)  # names this process in leases
        self.database = database
        self.library = library
        self.clock = clock
        self.rasa = rasa
        self.bot = bot
        self.alert_bot = alert_bot
        outgoing = Outgoing(library, console=console)
        self.escalation = Escalation(database, clock, library, outgoing)
        self.check_ins = CheckIns(database, clock, library, outgoing)
        self.prompts = Prompts(library, outgoing, self.check_ins)
        self.measures = Measures(database, clock, library, outgoing, self.check_ins, self.prompts)
        self.takeovers = Takeovers(database, clock, library, outgoing, self.escalation, self.check_ins)
        self.calls = Calls(library, outgoing, self.takeovers)
        self.referrals = Referrals(library, outgoing, self.takeovers)
        self.enrolment = Enrolment(database, library, self.check_ins)
        self.safety = Safety(database, clock, library, outgoing, self.escalation, self.check_ins, rules)
        self.privacy = Privacy(database, clock, rasa, library, outgoing)
        self.experiments = Experiments(library, outgoing)
        self.links = Links(database, clock, library, outgoing, self.prompts)
        explorations = Explorations(
            library, outgoing, self.safety, self.check_ins, self.experiments, rules.spelling
        )  # fmt: skip
        timers = Timers(library, outgoing)
        facts = Facts(library)
        cards = MyCards(library)
        self.modules = Modules(library, outgoing, self.experiments, facts, timers)
        self.flares = Flares(library, facts, self.prompts, self.safety, self.escalation)
        self.skills = Skills(
            database, clock, library, outgoing, self.modules, Exercises(library, timers), timers, self.flares, cards
        )  # fmt: skip
        self.programme = self._programme(outgoing)
        effects = Effects(
            library, self.enrolment, self.check_ins, self.escalation, self.safety, self.privacy, explorations,
            self.experiments, cards, self.skills, self.programme, self.links, Progress(library, self.links),
        )  # fmt: skip
        replies = Replies(
            library, outgoing, effects, self.check_ins, self.escalation, self.safety, self.experiments, explorations,
            self.measures, self.skills, self.programme, self.links,
        )  # fmt: skip
        self.at_risk = AtRisk(
            database, clock, library, self.escalation,
            AtRiskPrompts(
                database, clock, library, outgoing, self.prompts, self.safety, self.escalation, self.check_ins
            ),
            EvidenceBook(library, rules.spelling),
            self.programme.plans.step_back,
        )  # fmt: skip
        conversation = Conversation(
            database, clock, library, outgoing, rasa, self.enrolment, self.safety, self.check_ins, replies,
            self.experiments, explorations, self.measures, self.skills, Aftercare(library, outgoing, self.enrolment),
            self.programme, self.links, self.takeovers, self.at_risk, self.calls, self.referrals,
        )  # fmt: skip
        desk = PhysioDesk(database, clock, library, outgoing, self.escalation, self.measures, self.takeovers)
        self.sign_in = SignIn(database, library, SystemClock())
        self.worklist = Worklist(library)
        self.cases = CaseFiles(library, self.worklist)
        self.case_desk = CaseDesk(library, self.escalation)
        self.contacts = Contacts(library, self.takeovers)
        self.support_calls = SupportCalls(library)
        self.sheets = CallSheets(library, self.cases, self.support_calls)
        self.fhir = FhirCase(library)
        self.why = WhyMessages(library)
        self.overviews = Overviews(library)
        self.people = People(library, self.sign_in, self.enrolment)
        self.rota_desk = RotaDesk(self.escalation.rotas)
        self.inbox = Inbox(database, clock)
        self.turns = Turns(
            database,
            clock,
            owner,
            read_update,
            Reception(database, clock, library, outgoing, self.enrolment, conversation, desk),
            most_attempts=int(library.number("conversation.most_attempts")),
        )

        def delivery(sender: Sender, name: str, channels: Collection[Channel]) -> Delivery:
            return Delivery(
                database, clock, sender, owner, library=library, token_hash=name, on_blocked=self._channel_lost,
                channels=channels,
            )  # fmt: skip

        patients_only = (Channel.TELEGRAM,) if alert_bot else TELEGRAM
        self.delivery = delivery(Loopback(TelegramSender(bot)), token_hash(bot.token), patients_only)
        self.deliveries = [self.delivery]
        if alert_bot:
            sender = Loopback(TelegramSender(alert_bot))
            self.deliveries.append(delivery(sender, token_hash(alert_bot.token), (Channel.STAFF,)))
        if mail:
            self.deliveries.append(delivery(mail(self._address_of), "email", (Channel.EMAIL,)))
        self.inbox.on_arrival = self.turns.wake
        self.turns.after_turn = self.wake
        self.tick = Tick(
            {
                "pauses": lambda: self.enrolment.end_pauses(clock.now()),
                "check_ins": self.check_ins.send_due,
                "measures": self.measures.send_due,
                "skills": self.skills.look,
                "talks": self.programme.talks.send_due,
                "links": self.links.send_due,
                "safety": self.safety.follow_up,
                "takeovers": self.takeovers.look,
                "at_risk": self.at_risk.look,
                "at_risk_prompts": self.at_risk.prompts.send_due,
                "escalation": self.escalation.escalate_overdue,
                "waiting": self.turns.retry_waiting,
                "privacy": self.privacy.tidy,
            }
        )

    def _programme(self, outgoing: Outgoing) -> Programme:
        """The weekly programme and its topics."""
        plans, booster = Plans(self.library), Booster(self.library)
        topics = (
            WeeklyReview(self.library, plans, self.escalation, self.modules),
            Expectation(self.library, self.experiments),
            Maintenance(self.library, plans), Monthly(self.library, booster), booster,
        )  # fmt: skip
        talks = Talks(self.database, self.clock, self.library, outgoing, self.prompts, topics)
        booster.plan_review = talks.plan
        diary = Diary(self.library, outgoing, plans)
        return Programme(self.library, plans, talks, diary, booster, self.escalation)

    def watchdog(self, answers: Mapping[str, Answers], ping: Ping | None = None) -> Watchdog:
        """Tries the whole again and again; runs beside the tick. `answers`: parts that are asked if they are there."""
        return Watchdog(
            self.database, self.clock, self.library, self.inbox, self.escalation, says=synthetic.says,
            taps=synthetic.taps, answers={"rasa": self.rasa.ready, **answers}, ping=ping,
        )  # fmt: skip

    def wake(self) -> None:
        """There may be something to send, on any channel."""
        for delivery in self.deliveries:
            delivery.wake()

    def _address_of(self, physio_id: int) -> str | None:
        with self.database.transaction() as session:
            physio = physios.get(session, physio_id)
            return physio.email if physio and physio.left_at is None else None

    def _channel_lost(self, session: Session, row: OutboxMessage) -> None:
        """A chat that refuses our messages is closed; an alert must not wait for a physio who can't be reached."""
        by_mail = row.channel == Channel.EMAIL
        physio = physios.get(session, row.physio_id) if by_mail else physios.by_chat(session, row.chat_id)
        if physio:
            self.escalation.channel_lost(session, physio, self.clock.now(), row.channel)
        else:
            patients.mark_blocked(session, row.chat_id, self.clock.now())

"""Every error the coach raises on purpose. The docstring is the message: it says what to do.

CoachError
├── ConfigurationError     a setting, key or file is missing or wrong; nothing starts
├── ContentError           dialogues/ is invalid: file, line, problem
├── RasaUnavailable        no answer from Rasa: carry on without it, try the message again later
├── EffectRefused          a turn asked for something that may not happen; says why, by response name
├── RotaRefused            an edit of the rota that can't be; the message says why, for staff
├── StaleAction            somebody acted first, or the button is too old; says what stands now
└── DeliveryError          a message did not leave; `permanent`, `uncertain`, `retry_after_s`
"""


class CoachError(Exception):
    """Something went wrong in the coach."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ConfigurationError(CoachError):
    """A setting is missing or wrong. Run `coach doctor`: it names what to change."""


class ContentError(CoachError):
    """A file under dialogues/ is invalid. Run `make content` for the list."""


class RasaUnavailable(CoachError):
    """Rasa did not answer. The message is kept and tried again."""


class EffectRefused(CoachError):
    """The effect was refused. `response` names the text in dialogues/ that tells the patient why."""

    def __init__(self, response: str, **values: object) -> None:
        super().__init__(f"effect refused: {response}")
        self.response = response
        self.values = values


class RotaRefused(CoachError):
    """The rota can't be changed like that."""


class StaleAction(CoachError):
    """Somebody acted first, or this button is too old. `response` names the text that says so."""

    def __init__(self, response: str, **values: object) -> None:
        super().__init__(f"stale action: {response}")
        self.response = response
        self.values = values


class DeliveryError(CoachError):
    """A message did not leave."""

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        uncertain: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent  # blocked or malformed: never try this one again
        self.uncertain = uncertain  # it may have arrived: a prompt is not sent twice, a safety text is
        self.retry_after_s = retry_after_s

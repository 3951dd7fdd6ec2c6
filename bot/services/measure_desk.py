"""A physio reads a patient's questionnaire scores: /measures P-7KQ4M."""

from bot.content import Library, Words
from bot.services.measures import Measures
from bot.services.outgoing import Outgoing
from bot.services.visit import Visit
from data import audit, patients
from data.patients import Patient


class MeasureDesk:
    """Called by PhysioDesk, which has looked at who asks and whether they may."""

    def __init__(self, library: Library, outgoing: Outgoing, measures: Measures) -> None:
        self._library = library
        self._outgoing = outgoing
        self._measures = measures

    def show(self, visit: Visit, code: str) -> None:
        patient = patients.by_code(visit.session, code.upper()) if code else None
        if patient is None or patient.service_id != visit.physio.service_id:
            self._write(visit, None, "utter_flag_unknown_patient" if code else "utter_physio_measures_how")
            return
        audit.record(
            visit.session, "measures_listed", by=f"physio:{visit.physio.id}", now=visit.now, patient=patient.code
        )
        lines = self._measures.told_to_physio(visit.session, patient)
        self._write(visit, patient, "utter_physio_measures_head" if lines else "utter_physio_measures_none", lines)

    def _write(self, visit: Visit, patient: Patient | None, response: str, lines: list[str] | None = None) -> None:
        """The row belongs to the patient too, so that an erasure finds it."""
        head = self._library.say(response, patient=patient.code if patient else "")
        words = [head, *(Words(response, line) for line in lines or ())]
        row = self._outgoing.to_physio(
            visit.session, visit.physio, words, key=visit.key("list"), now=visit.now, kind="list"
        )
        if row and patient:
            row.patient_id = patient.id

"""Every column of every table is declared: personal or plain, and what becomes of it."""

from data.personal import TABLES, Erased, sections
from data.tables import metadata
from data.types import Encrypted


def undeclared(declared: dict[str, set[str]], present: dict[str, set[str]]) -> list[str]:
    return sorted(
        f"{table}.{column}" for table, columns in present.items() for column in columns - declared.get(table, set())
    )


PRESENT = {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}
DECLARED = {name: set(table.columns) for name, table in TABLES.items()}


def test_every_column_is_declared() -> None:
    assert undeclared(DECLARED, PRESENT) == []


def test_a_new_column_without_a_declaration_is_named() -> None:
    assert undeclared(DECLARED, PRESENT | {"patient": PRESENT["patient"] | {"shoe_size"}}) == ["patient.shoe_size"]


def test_nothing_is_declared_that_is_not_there() -> None:
    assert undeclared(PRESENT, DECLARED) == []


def test_whatever_is_worth_encrypting_is_personal() -> None:
    plain = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Encrypted) and not TABLES[table.name].columns[column.name].personal
    ]

    assert plain == []


def test_a_personal_column_is_exported_or_says_why_not() -> None:
    silent = [
        f"{name}.{column}"
        for name, table in TABLES.items()
        for column, declared in table.columns.items()
        if declared.personal and not declared.exported and not declared.why
    ]

    assert silent == []


def test_every_row_of_a_patient_is_deleted_or_detached() -> None:
    pointing = {
        table.name
        for table in metadata.sorted_tables
        if "patient.id" in {k.target_fullname for k in table.foreign_keys}
    }

    assert {name for name in pointing if TABLES[name].erased not in (Erased.DELETED, Erased.DETACHED)} == set()
    assert {name for name in pointing if TABLES[name].owner != "patient_id"} == set()


def test_a_table_with_something_to_export_has_a_section() -> None:
    assert set(sections().values()) == {
        name for name, table in TABLES.items() if any(column.exported for column in table.columns.values())
    }

"""python -m data.migrations "Add the weekly review": writes the next migration from what the models say now.

Read it before you keep it: a rename looks like a drop and an add, and triggers are not seen.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from cryptography.fernet import Fernet

from data.database import Database
from data.migrations import FOLDER, configuration, connected, heads, upgrade


def draft(message: str, *, folder: Path = FOLDER) -> None:
    with TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{scratch}/scratch.db", encryption_keys=[Fernet.generate_key().decode()])
        upgrade(database, folder=folder)
        number = f"{int(heads(folder)[0]) + 1:04d}"
        with connected(database) as connection:
            command.revision(configuration(folder, connection), message, autogenerate=True, rev_id=number)
        database.close()


if __name__ == "__main__":
    draft(" ".join(sys.argv[1:]) or sys.exit(__doc__))

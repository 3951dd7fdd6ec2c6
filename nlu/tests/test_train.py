"""Training by hand: what names a model, and which models stay."""

import os

from nlu.train import fingerprint, remove_older


def test_a_model_is_named_after_its_content_and_not_after_its_place(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place / "transcripts").mkdir(parents=True)
        (tmp_path / place / "goal.yml").write_text("intents: [x]")
    (tmp_path / "b" / "transcripts" / "t.yml").write_text("- patient: hello")
    same = fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")

    (tmp_path / "b" / "goal.yml").write_text("intents: [y]")

    assert same
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")


def test_the_newest_models_stay(tmp_path):
    for age, name in enumerate(("new", "old", "older")):
        path = tmp_path / f"{name}.tar.gz"
        path.write_text("")
        os.utime(path, (1_000_000 - age, 1_000_000 - age))

    remove_older(tmp_path, tmp_path / "new.tar.gz", keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.tar.gz", "old.tar.gz"]

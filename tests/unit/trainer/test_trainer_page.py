"""The reference page of the trainer's commands is committed as the code has it now."""

from reference_tables import REFERENCE
from reference_trainer import trainer_page


def test_committed_page_is_current() -> None:
    assert (REFERENCE / "trainer.md").read_text(encoding="utf-8") == trainer_page(), "run `make schemas`"

"""The generated pages of the reference are committed as the code has them now."""

import pytest

from generate_reference import PAGES
from reference_tables import REFERENCE

# The trainer's page needs TensorFlow, which takes ten seconds to load: tests/unit/trainer/test_trainer_page.py has it.
QUICK = sorted(PAGES.keys() - {"trainer.md"})


@pytest.mark.parametrize("name", QUICK)
def test_committed_page_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), f"{name} is stale: run `make schemas`"

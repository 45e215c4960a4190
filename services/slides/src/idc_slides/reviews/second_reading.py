"""Which cells a second reader is asked for."""

from collections.abc import Sequence

from idc_contracts.slides import CellReview, CellToReview


def second_readings(reviews: Sequence[CellReview], reader: str) -> list[CellToReview]:
    """The cells that others have answered and this reader has not: those with the fewest readers first.

    Among equals they come in the order in which they were answered first, whatever the answers.

    Args:
        reviews: The latest of each reader and cell, oldest first.
        reader: Who asks.
    """
    readers: dict[tuple[int, int], set[str]] = {}
    for review in reviews:
        readers.setdefault((review.column, review.row), set()).add(review.reviewer)
    waiting = [cell for cell, names in readers.items() if reader not in names]
    waiting.sort(key=lambda cell: len(readers[cell]))
    return [CellToReview(column=column, row=row, chosen="second_reading") for column, row in waiting]

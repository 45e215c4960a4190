"""The query for results in the order of their distance from the cut."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Float, Select, literal_column, or_, select, union_all

from idc_contracts import Decision
from idc_gateway.results.classifications import Verdict
from idc_gateway.results.queries import ClassificationFilter, UncertaintyCursor
from idc_gateway.sql.tables import CUT_DISTANCE
from idc_gateway.sql.tables import classifications as table

_DISTANCE = literal_column(CUT_DISTANCE, Float)


def nearest_the_cut(
    wanted: ClassificationFilter, conditions: Sequence[Any], limit: int, after: UncertaintyCursor | None
) -> Any:
    """A query of rows with their `distance`, at most `limit` after a cursor.

    The index has the distance after decision and verdict: results are read in a stretch of it for each pair, without
    sorting more than a page of each. One index instead of one for each filter spares every new result two of them.

    Args:
        wanted: The filter.
        conditions: What the filter says in SQL.
        limit: Most rows.
        after: Where the page begins; None for the first.
    """
    is_narrow = any((wanted.patient, wanted.slide, wanted.folder))  # their own indexes find few results
    stretches = [[]] if is_narrow else list(_stretches(wanted))
    parts = [_part([*conditions, *stretch], limit, after) for stretch in stretches]
    candidates = (
        union_all(*(select(part.subquery()) for part in parts)).subquery() if len(parts) > 1 else parts[0].subquery()
    )
    return select(candidates).order_by(candidates.c.distance, candidates.c.sequence).limit(limit)


def _part(conditions: Sequence[Any], limit: int, after: UncertaintyCursor | None) -> Select[Any]:
    query = select(table, _DISTANCE.label("distance")).where(*conditions)
    if after is not None:
        behind = or_(_DISTANCE > after.distance, table.c.sequence > after.sequence)  # noqa: SIM300 - no constant of Python
        query = query.where(_DISTANCE >= after.distance, behind)  # noqa: SIM300
    return query.order_by(_DISTANCE, table.c.sequence).limit(limit)


def _stretches(wanted: ClassificationFilter) -> Iterator[list[Any]]:
    """Each pair of a decision and a verdict, or none, that the filter leaves."""
    decision = Decision.UNCERTAIN if wanted.reason is not None else wanted.decision
    verdicts = [] if wanted.reviewed is False else [table.c.verdict == verdict.value for verdict in Verdict]
    verdicts += [] if wanted.reviewed else [table.c.verdict.is_(None)]
    for one in Decision if decision is None else (decision,):
        for verdict in verdicts:
            yield [table.c.decision == one.value, verdict]

"""Statements that are compiled once and then run by the database's driver itself.

Through SQLAlchemy's execution one statement costs 80 to 150 µs of processor time, through the driver 5 to 20; each
patch needs eight. SQLAlchemy still writes the SQL and converts the values.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ClauseElement, Connection, Dialect, Select

from idc_servicekit.sql.types import UtcDateTime

_Convert = Callable[[Any], Any] | None


@dataclass(frozen=True)
class _Compiled:
    """A statement in one dialect."""

    sql: str
    parameters: list[tuple[str, _Convert]]
    """In the order of the SQL where the driver takes them by position; None where it takes a value as it is."""
    constants: dict[str, Any]
    is_positional: bool
    row: list[_Convert]
    """One for each column of a result."""

    def values(self, given: Mapping[str, Any]) -> Any:
        """What the driver gets."""
        if self.constants:
            given = {**self.constants, **given}
        if self.is_positional:
            return [convert(given[name]) if convert else given[name] for name, convert in self.parameters]
        return {name: convert(given[name]) if convert else given[name] for name, convert in self.parameters}


class Statement:
    """One statement with named parameters: `bindparam`, or the columns of an insert.

    Its methods run it inside a transaction of SQLAlchemy's connection and raise the driver's own errors, which
    `Database` translates like SQLAlchemy's.
    """

    def __init__(self, clause: ClauseElement, columns: Iterable[str] | None = None) -> None:
        """Take a statement; an insert takes the names of the `columns` that get values."""
        self._clause: Final = clause
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, **values: Any) -> Any:
        """Run it once; gives the driver's cursor."""
        compiled = self._in(connection.dialect)
        return _cursor(connection).execute(compiled.sql, compiled.values(values))

    def run_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> Any:
        """Run it once for each row; gives the driver's cursor."""
        compiled = self._in(connection.dialect)
        cursor = _cursor(connection)
        cursor.executemany(compiled.sql, [compiled.values(row) for row in rows])
        return cursor

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Run a query; gives its rows."""
        row = self._in(connection.dialect).row
        raw = self.run(connection, **values).fetchall()
        if not any(row):
            return list(raw)
        return [tuple(c(v) if c else v for c, v in zip(row, values, strict=True)) for values in raw]

    def _in(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._clause, dialect, self._columns)
        return compiled


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _converter(kind: Any, dialect: Dialect) -> _Convert:
    convert: _Convert = kind.bind_processor(dialect)
    if convert is None or not isinstance(kind, UtcDateTime):
        return convert
    last: tuple[Any, Any] = (None, convert(None))

    def convert_once(value: Any) -> Any:
        """Convert a time; the rows of one transaction have the same one."""
        nonlocal last
        before, converted = last
        if value is not before:
            converted = convert(value)
            last = value, converted
        return converted

    return convert_once


def _compile(clause: ClauseElement, dialect: Dialect, columns: list[str] | None) -> _Compiled:
    compiled: Any = clause.compile(dialect=dialect, column_keys=columns)
    kinds = {name: bind.type.dialect_impl(dialect) for bind, name in compiled.bind_names.items()}
    names = compiled.positiontup if compiled.positional else list(kinds)
    selected = list(clause.selected_columns) if isinstance(clause, Select) else []
    return _Compiled(
        str(compiled),
        [(name, _converter(kinds[name], dialect)) for name in names],
        {name: bind.value for bind, name in compiled.bind_names.items() if not bind.required},
        bool(compiled.positional),
        [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected],
    )

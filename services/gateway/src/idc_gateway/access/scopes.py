"""What a caller may do."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission."""

    READ = "read"
    """See results, images, models, alarms and the status."""
    CLASSIFY = "classify"
    """Send patches."""
    REVIEW = "review"
    """Record a pathologist's verdict."""
    ALARM = "alarm"
    """Acknowledge, silence and test alarms."""
    AUDIT = "audit"
    """Read and verify the audit chain."""
    ADMIN = "admin"
    """Delete results; make and revoke keys and users."""


class Role(StrEnum):
    """A usual set of scopes."""

    VIEWER = "viewer"
    """Sees results."""
    OPERATOR = "operator"
    """Sends patches and handles alarms."""
    REVIEWER = "reviewer"
    """Records verdicts besides."""
    ADMIN = "admin"
    """May do everything."""

    @property
    def scopes(self) -> frozenset[Scope]:
        return _SCOPES[self]


_OPERATOR = frozenset({Scope.READ, Scope.CLASSIFY, Scope.ALARM})
_SCOPES = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.OPERATOR: _OPERATOR,
    Role.REVIEWER: _OPERATOR | {Scope.REVIEW},
    Role.ADMIN: frozenset(Scope),
}

"""What a caller may do."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission."""

    READ = "read"
    """Read results, slides, images, models, alarms and the status."""
    CLASSIFY = "classify"
    """Send patches and slides."""
    REVIEW = "review"
    """Record a pathologist's review."""
    ALARM = "alarm"
    """Acknowledge, silence and test alarms."""
    AUDIT = "audit"
    """Read and verify the audit chain."""
    ADMIN = "admin"
    """Delete results and slides; make and revoke keys and users; choose the model's version."""


class Role(StrEnum):
    """A set of scopes."""

    VIEWER = "viewer"
    """Reads results."""
    OPERATOR = "operator"
    """Sends patches and slides and handles alarms, too."""
    REVIEWER = "reviewer"
    """Records reviews, too."""
    ADMIN = "admin"
    """Has every scope."""

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

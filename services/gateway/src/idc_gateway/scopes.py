"""What a caller may do."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission; a key or a user has a set of them."""

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

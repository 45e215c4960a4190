"""What can go wrong in the alarm.

AlarmError
├── PinUnavailable (OSError)       no pin driver, or a pin cannot be claimed: the process ends with exit code 69
├── PanelFailed (OSError)          a lamp or the buzzer could not be driven: the process ends with exit code 69
├── WatchdogUnavailable (OSError)  the watchdog device cannot be opened: the process ends with exit code 69
├── JournalFailed (OSError)        the journal could not be written: the alarm stays offline until it can
└── UnreadableMessage (ValueError) a message is dropped, logged and counted
"""


class AlarmError(Exception):
    """Base of the alarm's errors."""


class PinUnavailable(AlarmError, OSError):
    """There is no pin driver on this machine, or a pin cannot be claimed."""


class PanelFailed(AlarmError, OSError):
    """A lamp or the buzzer could not be driven."""


class WatchdogUnavailable(AlarmError, OSError):
    """The watchdog device cannot be opened."""


class JournalFailed(AlarmError, OSError):
    """The journal could not be written."""


class UnreadableMessage(AlarmError, ValueError):
    """A message is not one that the alarm reads."""

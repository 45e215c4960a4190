"""Messages, topics and the bundle manifest that the services share."""

from idc_contracts.alarm import (
    AcknowledgeAlarm,
    AlarmActed,
    AlarmAction,
    AlarmMode,
    AlarmState,
    Lamps,
    SilenceAlarm,
    TechnicalReason,
    TestAlarm,
)
from idc_contracts.base import Message, Probability, Sha256, Slug, UtcDatetime, utc_now
from idc_contracts.bundle import BundleManifest
from idc_contracts.classification import ModelRef, PatchClassified
from idc_contracts.decision import Decision, Thresholds
from idc_contracts.status import ServiceStatus
from idc_contracts.topics import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_ACTIONS,
    ALARM_SILENCES,
    ALARM_STATE,
    ALARM_STATUS,
    ALARM_TESTS,
    CLASSIFICATIONS,
    FOREIGN_TOPICS,
    GATEWAY_STATUS,
    HOME_ASSISTANT_DISCOVERY,
    TOPICS,
    ForeignTopic,
    Topic,
)

__all__ = [
    "ALARM_ACKNOWLEDGEMENTS",
    "ALARM_ACTIONS",
    "ALARM_SILENCES",
    "ALARM_STATE",
    "ALARM_STATUS",
    "ALARM_TESTS",
    "CLASSIFICATIONS",
    "FOREIGN_TOPICS",
    "GATEWAY_STATUS",
    "HOME_ASSISTANT_DISCOVERY",
    "TOPICS",
    "AcknowledgeAlarm",
    "AlarmActed",
    "AlarmAction",
    "AlarmMode",
    "AlarmState",
    "BundleManifest",
    "Decision",
    "ForeignTopic",
    "Lamps",
    "Message",
    "ModelRef",
    "PatchClassified",
    "Probability",
    "ServiceStatus",
    "Sha256",
    "SilenceAlarm",
    "Slug",
    "TechnicalReason",
    "TestAlarm",
    "Thresholds",
    "Topic",
    "UtcDatetime",
    "utc_now",
]

"""Messages, topics and the bundle manifest that the services share."""

from idc_contracts.alarm import AcknowledgeAlarm, AlarmState, Lamps
from idc_contracts.base import Message, Probability, Sha256, Slug, utc_now
from idc_contracts.bundle import BundleManifest
from idc_contracts.classification import ModelRef, PatchClassified
from idc_contracts.decision import Decision, Thresholds
from idc_contracts.status import ServiceStatus
from idc_contracts.topics import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_STATE,
    ALARM_STATUS,
    CLASSIFICATIONS,
    GATEWAY_STATUS,
    TOPICS,
    Topic,
)

__all__ = [
    "ALARM_ACKNOWLEDGEMENTS",
    "ALARM_STATE",
    "ALARM_STATUS",
    "CLASSIFICATIONS",
    "GATEWAY_STATUS",
    "TOPICS",
    "AcknowledgeAlarm",
    "AlarmState",
    "BundleManifest",
    "Decision",
    "Lamps",
    "Message",
    "ModelRef",
    "PatchClassified",
    "Probability",
    "ServiceStatus",
    "Sha256",
    "Slug",
    "Thresholds",
    "Topic",
    "utc_now",
]

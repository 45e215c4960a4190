"""Builds the alarm from its parts; the only place that knows them all."""

import os
import random
from importlib.metadata import version

from idc_alarm.alarm import Alarm, AlarmPanel
from idc_alarm.controller import AlarmController
from idc_alarm.event_queue import EventQueue
from idc_alarm.health import Health
from idc_alarm.journal.file_journal import FileJournal
from idc_alarm.journal.patient_journal import PatientJournal
from idc_alarm.link.backoff import Backoff
from idc_alarm.link.mqtt_link import MqttLink
from idc_alarm.link.subscriptions import Place
from idc_alarm.panel.gpio_panel import open_panel
from idc_alarm.settings import AlarmSettings, WatchdogSettings
from idc_alarm.watchdogs import DeviceWatchdog, SystemdWatchdog, Watchdog


def build(settings: AlarmSettings, queue: EventQueue, panel: AlarmPanel | None = None) -> AlarmController:
    """The whole alarm, not running yet; closing the queue ends it. `panel` replaces the one that the settings name.

    Raises:
        PinUnavailable: There is no such pin driver on this machine, or a pin cannot be claimed.
        WatchdogUnavailable: The watchdog device cannot be opened.
    """
    journal = PatientJournal(FileJournal(settings.state_dir))
    if panel is None:
        panel = open_panel(settings.pin_factory, settings.pins, settings.patterns, queue.wake)
    link = MqttLink(
        settings.mqtt,
        queue,
        place=Place(settings.site, settings.device, settings.sites or (settings.site,)),
        version=version("idc-alarm"),
        backoff=Backoff(random.SystemRandom()),
        home_assistant=settings.home_assistant,
    )
    alarm = Alarm(panel, journal.load(), device=settings.device, rules=settings.rules)
    health = Health(settings.alive_file, settings.ready_file)
    return AlarmController(alarm, panel, journal, link, queue, health, _watchdog(settings.watchdog))


def _watchdog(settings: WatchdogSettings) -> Watchdog:
    if settings.kind == "device":
        return DeviceWatchdog(settings.device, settings.timeout_s)
    return SystemdWatchdog(os.environ.get("NOTIFY_SOCKET"), os.environ.get("WATCHDOG_USEC"))

"""Puts the alarm together from its parts; the only place that knows them all."""

import random
from importlib.metadata import version

from idc_alarm.adapters.file_journal import FileJournal
from idc_alarm.adapters.gpio_panel import open_panel
from idc_alarm.adapters.mqtt_link import MqttLink
from idc_alarm.alarm import Alarm
from idc_alarm.backoff import Backoff
from idc_alarm.health import Health
from idc_alarm.ports import AlarmPanel
from idc_alarm.service import AlarmService
from idc_alarm.settings import AlarmSettings


def build(settings: AlarmSettings, panel: AlarmPanel | None = None) -> AlarmService:
    """The whole service, not running yet.

    Args:
        settings: What to build.
        panel: A panel to use in place of the one that the settings name.

    Raises:
        PinUnavailable: There is no such pin driver on this machine, or a pin cannot be claimed.
    """
    journal = FileJournal(settings.state_dir)
    if panel is None:
        panel = open_panel(settings.pin_factory, settings.pins)
    link = MqttLink(
        settings.mqtt,
        site=settings.site,
        device=settings.device,
        version=version("idc-alarm"),
        backoff=Backoff(random.SystemRandom()),
    )
    alarm = Alarm(panel, journal.load(), device=settings.device)
    return AlarmService(alarm, journal, link, Health(settings.alive_file, settings.ready_file))

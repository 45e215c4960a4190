"""Reads slides. A file is hostile until proven otherwise, so a worker process with limits decodes it."""

from idc_slides.facts import SlideFacts
from idc_slides.reading.limits import Limits
from idc_slides.reading.slide_file import Band, SlideFile
from idc_slides.reading.spare_worker import SpareWorker
from idc_slides.unreadable import NeedsScale, SlideTimedOut, SlideUnreadable

__all__ = ["Band", "Limits", "NeedsScale", "SlideFacts", "SlideFile", "SlideTimedOut", "SlideUnreadable", "SpareWorker"]

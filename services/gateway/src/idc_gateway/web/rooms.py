"""The running gateway: what its rooms offer to routes."""

from dataclasses import dataclass

from idc_gateway.access.key_files import FileKey
from idc_gateway.access.keys import Keyring
from idc_gateway.access.running_requests import RunningRequests
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.access.sign_ins import SignIns
from idc_gateway.access.throttle import RequestRates
from idc_gateway.access.users import Users
from idc_gateway.access.view_log import ViewLog
from idc_gateway.alarms.actions import AlarmActions
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.alarms.commands import AlarmCommands
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain_check import ChainCheck
from idc_gateway.certificates import Certificates
from idc_gateway.classifying.classifying import Classifying
from idc_gateway.drift.drift import Drift
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.live.live import Live
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.outbox import Outbox
from idc_gateway.messages.ports import Bus
from idc_gateway.occlusion.explaining import Explaining
from idc_gateway.results.feed import Feed
from idc_gateway.results.housekeeping import Housekeeping
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.results.reviewing import Reviewing
from idc_gateway.results.watched_images import WatchedImages
from idc_gateway.settings import GatewaySettings
from idc_gateway.shared_check import SharedCheck
from idc_gateway.slides.connection import SlidesConnection
from idc_gateway.slides.follower import ScreenedFollower
from idc_gateway.store import Store
from idc_gateway.web.metrics import Metrics
from idc_servicekit.body_budget import BodyBudget


@dataclass
class Access:
    keyring: Keyring
    users: Users
    sessions: BrowserSessions
    sign_ins: SignIns
    running: RunningRequests
    rates: RequestRates
    views: ViewLog
    metrics_key: FileKey


@dataclass
class Alarms:
    board: AlarmBoard
    actions: AlarmActions
    commands: AlarmCommands


@dataclass
class Audit:
    store: AuditStore
    check: ChainCheck


@dataclass
class Messages:
    bus: Bus
    outbox: Outbox
    backlog: Backlog


@dataclass
class Results:
    store: ResultsStore
    reviewing: Reviewing
    index: ImageIndexStore
    images: WatchedImages | None
    """None where images are not stored."""
    deletions: ImageDeletions
    housekeeping: Housekeeping
    feed: Feed

    async def check_images(self) -> str:
        """`ok`, or why images cannot be stored; `ok` where they are not stored at all."""
        return "ok" if self.images is None else await self.images.check_result()


@dataclass
class Slides:
    connection: SlidesConnection
    follower: ScreenedFollower
    uploads: BodyBudget
    """The bound on how slowly a slide may arrive; how large it may be, the slides service says."""


@dataclass
class Gateway:
    settings: GatewaySettings
    store: Store
    store_check: SharedCheck
    access: Access
    audit: Audit
    alarms: Alarms
    messages: Messages
    inference: BalancedInference
    explaining: Explaining
    results: Results
    classifying: Classifying
    drift: Drift
    certificates: Certificates
    slides: Slides | None
    """None without a slides service."""
    live: Live
    bodies: BodyBudget
    metrics: Metrics

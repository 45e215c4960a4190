"""Mosquitto's access rules, made from the topic table (format: mosquitto.conf(5), acl_file)."""

from typing import Final, get_args

from idc_contracts.topics import FOREIGN_TOPICS, TOPICS, Account

_HEADER: Final = """\
# Who may publish and read what. Generated from the topic table by `make schemas`: change that, not this file.
# Accounts that are not listed here, and topics that are not listed under an account, are rejected.
"""


def broker_acl() -> str:
    blocks = [_block(account) for account in get_args(Account)]
    monitor = "# the broker's health check, and monitoring of the broker\nuser monitor\ntopic read $SYS/#\n"
    return "\n".join([_HEADER, *blocks, monitor])


def _block(account: Account) -> str:
    rows = [(topic.filter(), topic.producers, topic.consumers) for topic in TOPICS]
    rows += [(topic.filter, topic.producers, topic.consumers) for topic in FOREIGN_TOPICS]
    writes = [f"topic write {place}" for place, producers, _ in rows if account in producers]
    clears = [f"topic write {topic.filter()}" for topic in TOPICS if account in topic.clearers]
    reads = [f"topic read {place}" for place, _, consumers in rows if account in consumers]
    return "\n".join([f"user {account}", *writes, *clears, *reads, ""])

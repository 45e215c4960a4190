"""Guessing is bounded before it is checked, and locks nobody else out."""

import asyncio
from collections import Counter

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway import executors
from idc_gateway.access import throttle
from idc_gateway.access.sign_ins import RECORDED, RECORDED_PER_SOURCE, FailureLimit, KnownDevices
from idc_gateway.access.throttle import (
    FAILURES_OF_PAIR,
    FAILURES_OF_SOURCE,
    FAILURES_WINDOW_S,
    FREE_FAILURES_OF_NAME,
    MAX_DELAY_S,
    Buckets,
    SignInThrottle,
    source_of,
)
from idc_gateway.errors import Busy, TooMany, Unauthenticated
from idc_gateway.executors import Executor
from support.gateway_accounts import KEY, OWN, PASSWORD, SESSION, client_of, link_of, sign_up

WRONG = {"name": "eva", "password": "guess guess guess"}
RIGHT = {"name": "eva", "password": PASSWORD}


def browser_at(app: FastAPI, address: str) -> httpx.AsyncClient:
    return client_of(app, OWN, address)


async def cookies_of_eva(app: FastAPI, client: httpx.AsyncClient, address: str = "192.0.2.99") -> dict[str, str]:
    async with browser_at(app, address) as browser:
        await sign_up(client, browser)
        return dict(browser.cookies)


async def test_eighty_wrong_passwords_at_once_are_checked_only_up_to_the_limit(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await cookies_of_eva(app, client)
    async with browser_at(app, "192.0.2.1") as guesser:
        answers = await asyncio.gather(*(guesser.post(SESSION, json=WRONG) for _ in range(80)))

    assert Counter(answer.status_code for answer in answers) == {401: FAILURES_OF_PAIR, 429: 80 - FAILURES_OF_PAIR}


async def test_user_with_many_known_browsers_leaves_room_for_others_to_sign_in(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies = await cookies_of_eva(app, client)
    async with browser_at(app, "192.0.2.1") as browser:
        marks = []
        for _ in range(4):
            browser.cookies.clear()
            await browser.post(SESSION, json=RIGHT, headers={"Cookie": f"idc_device={cookies['idc_device']}"})
            marks.append(browser.cookies["idc_device"])
        hashing = Executor("passwords", 1, waiting=12, late=Busy("too late"), timeout_s=60)
        monkeypatch.setattr(executors, "passwords", hashing)
        browser.cookies.clear()
        flood = [
            browser.post(SESSION, json=RIGHT, headers={"Cookie": f"idc_device={mark}"})
            for mark in marks
            for _ in range(8)
        ]
        others = [browser.post(SESSION, json={**RIGHT, "name": "max"}) for _ in range(3)]
        answers = await asyncio.gather(*flood, *others)

    assert Counter(answer.status_code for answer in answers[: len(flood)]) == {204: 8, 429: 24}
    assert {answer.status_code for answer in answers[len(flood) :]} == {401}  # checked: nobody has that name


async def test_setting_passwords_over_and_over_leaves_room_for_others_to_sign_in(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browser_at(app, "192.0.2.1") as browser:
        await browser.post(SESSION, json={"link": await link_of(client)})
        hashing = Executor("passwords", 1, waiting=12, late=Busy("too late"), timeout_s=60)
        monkeypatch.setattr(executors, "passwords", hashing)
        flood = [browser.put(f"{SESSION}/password", json={"password": "password1234"}) for _ in range(30)]
        answers = await asyncio.gather(*flood, browser.post(SESSION, json={**RIGHT, "name": "max"}))

    assert answers[-1].status_code == 401
    assert {answer.status_code for answer in answers[:-1]} <= {422, 429}


async def test_many_names_from_one_address_are_bounded_too(app: FastAPI, client: httpx.AsyncClient) -> None:
    async with browser_at(app, "192.0.2.1") as guesser:
        tries = (guesser.post(SESSION, json={**WRONG, "name": f"user{number}"}) for number in range(80))
        answers = await asyncio.gather(*tries)

    assert sum(answer.status_code == 401 for answer in answers) <= FAILURES_OF_SOURCE


async def test_right_password_works_while_its_name_is_attacked_from_elsewhere(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "DELAY_STEP_S", 0.001)
    await cookies_of_eva(app, client)
    for number in range(8):
        async with browser_at(app, f"2001:db8:0:{number:x}::1") as guesser:
            await asyncio.gather(*(guesser.post(SESSION, json=WRONG) for _ in range(20)))

    async with browser_at(app, "192.0.2.7") as own:
        assert (await own.post(SESSION, json=RIGHT)).status_code == 204


async def test_known_browser_is_not_kept_out_by_a_guesser_at_its_own_address(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    cookies = await cookies_of_eva(app, client, "192.0.2.1")
    async with browser_at(app, "192.0.2.1") as guesser:
        await asyncio.gather(*(guesser.post(SESSION, json=WRONG) for _ in range(20)))
        assert (await guesser.post(SESSION, json=RIGHT)).status_code == 429

    async with browser_at(app, "192.0.2.1") as own:
        own.cookies.set("idc_device", cookies["idc_device"])
        assert (await own.post(SESSION, json=RIGHT)).status_code == 204
        guesses = [await own.post(SESSION, json=WRONG) for _ in range(FAILURES_OF_PAIR + 1)]
    assert guesses[-1].status_code == 429, "a stolen mark gives no more tries than an address"


def test_mark_of_a_device_belongs_to_one_user_and_cannot_be_forged() -> None:
    devices = KnownDevices()
    mark = devices.new_mark("eva")

    assert devices.device_of(mark, "eva") is not None
    assert devices.device_of(mark, "ben") is None
    assert KnownDevices().device_of(mark, "eva") is None
    assert [devices.device_of(made_up, "eva") for made_up in (None, "", "x", "x.y", "é.é", "x" * 5000)] == [None] * 6


@pytest.mark.parametrize("secret", ["key", "link"])
async def test_wrong_keys_and_links_keep_no_one_out(app: FastAPI, client: httpx.AsyncClient, secret: str) -> None:
    right = {"key": KEY, "link": await link_of(client)}[secret]
    for number in range(4):
        async with browser_at(app, f"192.0.2.{number}") as guesser:
            tries = (guesser.post(SESSION, json={secret: f"wrong{n}" * 8}) for n in range(25))
            assert {answer.status_code for answer in await asyncio.gather(*tries)} == {401}

    for address in ("192.0.2.0", "192.0.2.9"):
        async with browser_at(app, address) as browser:
            assert (await browser.post(SESSION, json={secret: right})).status_code in (204, 401)
            if secret == "key" or address == "192.0.2.0":
                assert "idc_session" in browser.cookies


async def test_link_that_two_use_at_once_lets_one_in(app: FastAPI, client: httpx.AsyncClient) -> None:
    link = await link_of(client)
    async with browser_at(app, "192.0.2.1") as one, browser_at(app, "192.0.2.2") as other:
        answers = await asyncio.gather(*(browser.post(SESSION, json={"link": link}) for browser in (one, other)))

    assert sorted(answer.status_code for answer in answers) == [204, 401]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
        (None, "unknown"),
    ],
)
def test_ipv6_addresses_count_by_their_network(address: str | None, source: str) -> None:
    assert source_of(address) == source


async def fail(sign_ins: SignInThrottle, name: str, source: str, *, is_known_device: bool = False) -> None:
    with pytest.raises(Unauthenticated):
        async with sign_ins.attempt(name, source, is_known_device=is_known_device):
            raise Unauthenticated("wrong")


async def test_failures_delay_a_name_more_and_more_up_to_a_bound() -> None:
    now_s = 0.0
    sign_ins = SignInThrottle(clock=lambda: now_s)
    delays = []
    for number in range(200):
        delays.append(sign_ins.delay_s("eva"))
        await fail(sign_ins, "eva", f"192.0.2.{number}", is_known_device=True)

    assert set(delays[:FREE_FAILURES_OF_NAME]) == {0.0}
    assert delays == sorted(delays)
    assert delays[-1] == pytest.approx(MAX_DELAY_S)
    assert sign_ins.delay_s("ben") == 0
    now_s += 3600
    assert sign_ins.delay_s("eva") == 0


async def test_right_password_costs_no_attempt_and_gives_no_other_back() -> None:
    sign_ins = SignInThrottle(clock=lambda: 0.0)
    for _ in range(FAILURES_OF_PAIR - 1):
        await fail(sign_ins, "eva", "192.0.2.1")
    for _ in range(20):
        async with sign_ins.attempt("eva", "192.0.2.1"):
            pass
    await fail(sign_ins, "eva", "192.0.2.1")

    with pytest.raises(TooMany):
        await fail(sign_ins, "eva", "192.0.2.1")


async def test_attempt_that_the_gateway_could_not_check_is_given_back() -> None:
    sign_ins = SignInThrottle(clock=lambda: 0.0)
    for _ in range(FAILURES_OF_PAIR + 1):
        with pytest.raises(Busy):
            async with sign_ins.attempt("eva", "192.0.2.1"):
                raise Busy("later")

    await fail(sign_ins, "eva", "192.0.2.1")


def test_no_one_empties_a_bucket_by_filling_others() -> None:
    buckets = Buckets(5, FAILURES_WINDOW_S, clock=lambda: 0.0)
    for _ in range(5):
        buckets.add("guesser")
    for number in range(20_000):
        buckets.add(f"made up {number}")

    assert buckets.wait_s("guesser") > 0
    assert buckets.level("guesser") == pytest.approx(5)


def test_many_guessers_keep_few_others_out() -> None:
    """Two callers may share cells; the share of those who are taken for somebody else stays small."""
    buckets = Buckets(1, FAILURES_WINDOW_S, clock=lambda: 0.0)
    for number in range(1000):
        buckets.add(f"guesser {number}")

    assert sum(buckets.wait_s(f"user {number}") > 0 for number in range(1000)) <= 10


async def test_line_before_the_hashing_is_bounded(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "passwords", Executor("passwords", 1, waiting=1))
    async with browser_at(app, "192.0.2.1") as browser:
        tries = (browser.post(SESSION, json={**WRONG, "name": f"user{number}"}) for number in range(8))
        answers = await asyncio.gather(*tries)

    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {401, 503}
    assert {answer.headers.get("Retry-After") for answer in answers if answer.status_code == 503} == {"1"}


def test_failed_sign_ins_cannot_fill_the_audit_chain() -> None:
    failed = FailureLimit(clock=lambda: 0.0)

    recorded = [failed.to_record(f"192.0.2.{number % 250}") for number in range(10_000)]
    told = [number for number in recorded if number is not None]

    assert len(told) == RECORDED
    assert [failed.to_record("2001:db8::/64")] == [None]


def test_what_was_not_recorded_is_counted_in_the_next_record() -> None:
    now_s = 0.0
    failed = FailureLimit(clock=lambda: now_s)
    first = [failed.to_record("192.0.2.1") for _ in range(RECORDED_PER_SOURCE + 7)]
    now_s += FAILURES_WINDOW_S

    assert first == [0] * RECORDED_PER_SOURCE + [None] * 7
    assert failed.to_record("192.0.2.1") == 7

"""Does what an `Idempotency-Key` names once, and gives the same answer every time."""

from collections.abc import Callable
from datetime import datetime

from idc_gateway import executors
from idc_gateway.errors import AlreadyDone, KeyReused
from idc_gateway.idempotency.receipts import Claim, Receipt
from idc_gateway.idempotency.receipts_store import ReceiptsStore


async def idempotent(
    receipts: ReceiptsStore, claim: Claim | None, answer: bytes, now: datetime, do: Callable[[Receipt | None], None]
) -> bytes:
    """Do something and store its answer in one transaction, unless that was done before.

    Args:
        receipts: What was done before.
        claim: What is to be done once; None does it each time.
        answer: What will be answered where it is done now.
        now: The time.
        do: Does it, and stores the receipt that it is given; blocks.

    Returns:
        The answer of the first time.

    Raises:
        KeyReused: The key was used for something else.
    """
    if claim is None:
        await executors.writes(do, None)
        return answer
    done = await executors.reads(receipts.find, claim)
    if done is None:
        try:
            await executors.writes(do, Receipt(claim, answer, now))
        except AlreadyDone:
            done = await executors.reads(receipts.find, claim)
            if done is None:
                raise
        else:
            return answer
    check_same(done, claim)
    return done.answer


def check_same(receipt: Receipt, claim: Claim) -> None:
    """Refuse a key that was used for something else.

    Raises:
        KeyReused: It was.
    """
    if receipt.claim.fingerprint != claim.fingerprint:
        raise KeyReused("this Idempotency-Key was used for another request: use a new one")

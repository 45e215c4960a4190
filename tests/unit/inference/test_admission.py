"""How much work is taken on."""

import pytest

from idc_inference.errors import Busy
from idc_inference.scheduling.admission import Admission


def test_requests_beyond_the_bound_are_refused_until_one_ends() -> None:
    admission = Admission(max_requests=1, max_patches=10)

    with admission.request(), pytest.raises(Busy, match="1 requests are in progress"), admission.request():
        pass
    with admission.request():
        assert admission.requests == 1


def test_patches_beyond_the_bound_are_refused_until_their_request_ends() -> None:
    admission = Admission(max_requests=3, max_patches=10)

    with admission.request() as hold:
        hold(7)
        with admission.request() as hold_more, pytest.raises(Busy, match="7 patches are in progress"):
            hold_more(4)
        assert admission.patches == 7
    with admission.request() as hold:
        hold(10)
    assert admission.patches == 0


def test_request_that_ended_holds_nothing_afterwards() -> None:
    admission = Admission(max_requests=1, max_patches=10)
    with admission.request() as hold:
        pass

    with pytest.raises(Busy):
        hold(1)
    assert admission.patches == 0

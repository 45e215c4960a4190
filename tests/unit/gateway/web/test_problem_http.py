"""What is no HTTP request gets a problem, too."""

import json

from idc_gateway.web.problem_http import ProblemHttpProtocol
from idc_gateway.web.problems import MEDIA_TYPE


def test_refusal_is_a_problem() -> None:
    media_type, document = ProblemHttpProtocol.refusal(object.__new__(ProblemHttpProtocol), "no HTTP")

    assert media_type == MEDIA_TYPE
    assert (document["status"], document["detail"]) == (400, "no HTTP")
    json.dumps(document)

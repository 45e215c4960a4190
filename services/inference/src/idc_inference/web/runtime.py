"""The state that the endpoints share."""

from dataclasses import dataclass

from idc_inference.answering.classification import Classifier
from idc_inference.metrics import Metrics
from idc_inference.models.choosing import Choosing
from idc_inference.models.repository import ModelRepository
from idc_inference.scheduling.admission import Admission
from idc_servicekit.body_budget import BodyBudget


@dataclass
class Runtime:
    """The parts of a running service."""

    repository: ModelRepository
    classifier: Classifier
    admission: Admission
    bodies: BodyBudget
    metrics: Metrics
    choosing: Choosing
    is_ready: bool = True
    """False from the signal to end on."""

    def why_not_ready(self) -> str:
        """Why the service is not ready; empty where it is."""
        if not self.is_ready:
            return "the service is stopping"
        if not self.repository.versions.served:
            return "no model is served"
        return self.repository.trouble()

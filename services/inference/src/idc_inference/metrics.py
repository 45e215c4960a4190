"""What is counted and measured, for Prometheus."""

from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector

Stage = Literal["decode", "queue", "infer", "output", "total"]
"""The first four follow one another without gap or overlap; `total` also holds the time in which the body arrived."""

_STAGES: Final[tuple[Stage, ...]] = ("decode", "queue", "infer", "output", "total")
_STAGE_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LOAD_BUCKETS_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_REQUEST_PATCHES: Final = (1, 4, 16, 64, 256, 1024, 4096)
_CHUNK_PATCHES: Final = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The service's counters and histograms, in their own registry; thread-safe."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter(
            "idc_inference_requests", "Infer requests by status and input.", ["status", "input"], registry=registry
        )
        self.request_patches = Histogram(
            "idc_inference_request_patches", "Patches in a request.", buckets=_REQUEST_PATCHES, registry=registry
        )
        stages = Histogram(
            "idc_inference_stage_seconds",
            "Time of one answered request: decode, queue, infer, output do not overlap; total includes the arrival of "
            "the body.",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=registry,
        )
        self.stage_s = {stage: stages.labels(stage) for stage in _STAGES}
        self.chunk_patches = Histogram(
            "idc_inference_chunk_patches",
            "Patches in one inference of the device.",
            buckets=_CHUNK_PATCHES,
            registry=registry,
        )
        self.errors = Counter("idc_inference_errors", "Failed requests, by kind.", ["kind"], registry=registry)
        self.model_changes = Counter(
            "idc_inference_model_changes", "Versions loaded, rejected and unloaded.", ["outcome"], registry=registry
        )
        self.model_load_s = Histogram(
            "idc_inference_model_load_seconds",
            "Verifying, compiling and testing a version.",
            buckets=_LOAD_BUCKETS_S,
            registry=registry,
        )

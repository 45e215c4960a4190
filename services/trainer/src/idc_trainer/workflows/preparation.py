"""The first steps of every training: patches, backbone, and features from the cache."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.data.check import require_trainable
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.features.extraction import Extractor, extract
from idc_trainer.features.store import FeatureStore
from idc_trainer.graphs.conversion import to_openvino
from idc_trainer.graphs.runner import GraphRunner
from idc_trainer.learning.classifier import build_feature_model
from idc_trainer.learning.recipe import Recipe
from idc_trainer.progress import Progress


@dataclass(frozen=True)
class Source:
    """The patches and how they are trained on."""

    data: DataSet
    cache: Path
    """The folder of features, checkpoints and logs, kept between runs."""
    recipe: Recipe
    weights: Path | None = None
    """A file of the backbone's weights; None takes the backbone's own source."""


def read_index(source: Source, progress: Progress) -> PatchIndex:
    """Read all patches once.

    Raises:
        DataError: They cannot be trained on.
    """
    index = read_patches(source.data, progress)
    require_trainable(index)
    return index


def read_backbone(source: Source) -> BuiltBackbone:
    """Build the recipe's backbone with its weights.

    Raises:
        WeightsError: The weights cannot be used.
        WrongSetting: The recipe needs something that the backbone does not have.
    """
    recipe = source.recipe
    return build_backbone(recipe.backbone, recipe.input_px, recipe.stages, source.weights)


def feature_extractor(backbone: BuiltBackbone) -> Extractor:
    """The pooled features by OpenVINO; the graph, which takes seconds to make, is made for the first patch."""

    @cache
    def runner() -> GraphRunner:
        return GraphRunner(to_openvino(build_feature_model(backbone), "features"))

    return Extractor(sum(backbone.stage_widths), lambda patches: runner().run(patches))


def compute_features(
    backbone: BuiltBackbone, plain: PatchIndex, train: PatchIndex, source: Source, progress: Progress
) -> tuple[FeatureStore, ...]:
    """Complete the stores of the recipe's variants.

    Args:
        backbone: The network whose pooled features are computed.
        plain: The patches that are needed unchanged.
        train: The patches that are needed in every other variant.
        source: Recipe and cache.
        progress: Called after each block.

    Raises:
        OutputUnwritable, OutputFull: The cache cannot be written.
    """
    extractor, folder = feature_extractor(backbone), source.cache / "features" / backbone.digest()[:16]
    unchanged, *others = source.recipe.variants()
    first = extract(plain, unchanged, extractor, folder, progress)
    return first, *(extract(train, variant, extractor, folder, progress) for variant in others)

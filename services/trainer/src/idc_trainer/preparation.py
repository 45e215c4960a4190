"""What every way of training begins with: patches, backbone, and features from the cache."""

from dataclasses import dataclass
from pathlib import Path

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.classifier import build_feature_model
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.data.check import require_trainable
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.source import Progress
from idc_trainer.export.keras_graph import to_openvino
from idc_trainer.features.extraction import extract
from idc_trainer.features.runner import GraphRunner
from idc_trainer.features.store import FeatureStore
from idc_trainer.learning.learner import Learner
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import Recipe


@dataclass(frozen=True)
class Source:
    """Which patches, seen through which pretrained network."""

    data: Path
    cache: Path
    """Where features, checkpoints and logs are kept between runs."""
    recipe: Recipe
    weights: Path | None = None
    """A file of the backbone's weights; None takes the backbone's own source."""
    skip_unreadable: bool = False


def read_index(source: Source, progress: Progress) -> PatchIndex:
    """Read all patches once.

    Raises:
        DataError: They cannot be trained on.
    """
    index = index_patches(open_patches(source.data), progress, skip_unreadable=source.skip_unreadable)
    require_trainable(index)
    return index


def read_backbone(source: Source) -> BuiltBackbone:
    """Build the recipe's backbone with its weights.

    Raises:
        WeightsError: The weights cannot be used.
        WrongSetting: The recipe asks for what the backbone does not have.
    """
    recipe = source.recipe
    return build_backbone(recipe.backbone, recipe.input_px, recipe.stages, source.weights)


def feature_runner(backbone: BuiltBackbone) -> GraphRunner:
    """The backbone's pooled features through OpenVINO."""
    return GraphRunner(to_openvino(build_feature_model(backbone), "features"))


def feature_folder(cache: Path, backbone: BuiltBackbone) -> Path:
    """Where the features of this backbone are kept."""
    return cache / "features" / backbone.digest()[:16]


def compute_features(
    backbone: BuiltBackbone, seen_as_is: PatchIndex, train: PatchIndex, source: Source, progress: Progress
) -> tuple[FeatureStore, ...]:
    """Complete the stores of the recipe's variants.

    Args:
        backbone: Whose pooled features.
        seen_as_is: The patches that are needed as they are.
        train: The patches that are needed in every variant.
        source: Recipe and cache.
        progress: Told of each block.

    Raises:
        OutputUnwritable, OutputFull: The cache cannot be written.
    """
    runner, folder = feature_runner(backbone), feature_folder(source.cache, backbone)
    plain, *others = source.recipe.variants()
    first = extract(seen_as_is, plain, runner, folder, progress)
    return first, *(extract(train, variant, runner, folder, progress) for variant in others)


def make_learner(stores: tuple[FeatureStore, ...], backbone: BuiltBackbone, recipe: Recipe, target: Target) -> Learner:
    """The learner of heads on these features."""
    return Learner(stores, recipe.gains(backbone), recipe.head, target, recipe.seed)

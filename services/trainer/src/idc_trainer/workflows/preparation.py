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
from idc_trainer.features.variants import Plain, variants
from idc_trainer.graphs.conversion import to_openvino
from idc_trainer.graphs.runner import GraphRunner
from idc_trainer.learning.network import build_feature_model
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
        return GraphRunner(to_openvino(build_feature_model(backbone)))

    return Extractor(sum(backbone.stage_widths), lambda patches: runner().run(patches)["features"])


def plain_features(backbone: BuiltBackbone, index: PatchIndex, source: Source, progress: Progress) -> FeatureStore:
    """The store of unchanged patches, completed for those of an index.

    Raises:
        OutputUnwritable, OutputFull: The cache cannot be written.
    """
    return extract(index, Plain(), feature_extractor(backbone), _feature_folder(backbone, source), progress)


def all_features(
    backbone: BuiltBackbone, index: PatchIndex, source: Source, progress: Progress
) -> tuple[FeatureStore, ...]:
    """The stores of all variants of the recipe, completed for the patches of an index; the first is unchanged.

    Raises:
        OutputUnwritable, OutputFull: The cache cannot be written.
    """
    recipe, extractor = source.recipe, feature_extractor(backbone)
    folder = _feature_folder(backbone, source)
    variants_to_extract = variants(recipe.augmentation, recipe.passes, recipe.seed)
    return tuple(extract(index, variant, extractor, folder, progress) for variant in variants_to_extract)


def _feature_folder(backbone: BuiltBackbone, source: Source) -> Path:
    return source.cache / "features" / backbone.digest()[:16]

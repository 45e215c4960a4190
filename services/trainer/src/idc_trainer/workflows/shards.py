"""Divides the computing of features over machines that share a cache folder."""

from dataclasses import dataclass

import numpy as np

from idc_trainer.data.check import require_patches
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import read_patches
from idc_trainer.errors import ShardMissing
from idc_trainer.features.extraction import extract
from idc_trainer.features.store import FeatureStore, merge_parts
from idc_trainer.progress import Progress
from idc_trainer.workflows.preparation import BackboneFeatures, Source, feature_folder, read_backbone


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of the patches, numbered from 0 on."""

    number: int
    count: int

    def of(self, index: PatchIndex) -> PatchIndex:
        """The patches of this shard: by content, so that a patch is in the same shard wherever its file lies."""
        buckets = np.array([int(digest[:15], 16) % self.count for digest in index.digests.tolist()], np.int64)
        return index.rows(buckets == self.number)


def extract_shard(source: Source, shard: Shard, progress: Progress) -> int:
    """Compute the features of one shard in all variants of the recipe; returns the number of its patches.

    A shard that was begun before goes on where it stopped. Shards may run at the same time on one cache folder.

    Raises:
        DataError, WeightsError, OutputUnwritable, OutputFull: See `idc_trainer.errors`.
    """
    chosen = shard.of(_read(source, progress))
    backbone = read_backbone(source)
    runner, folder = BackboneFeatures(backbone), feature_folder(source.cache, backbone)
    for variant in source.recipe.variants():
        extract(chosen, variant, runner, folder, progress, part=f"shard-{shard.number}-of-{shard.count}")
    return len(chosen)


def merge_shards(source: Source, progress: Progress) -> int:
    """Check that the features of all patches are there and make one part of all parts.

    Returns:
        The number of patches.

    Raises:
        ShardMissing: Patches lack their features.
    """
    index, backbone = _read(source, progress), read_backbone(source)
    width, folder = sum(backbone.stage_widths), feature_folder(source.cache, backbone)
    for variant in source.recipe.variants():
        place = folder / variant.key
        lacking = int((~FeatureStore(place, width).has(index.digests)).sum())
        if lacking:
            raise ShardMissing(
                f"{lacking} of {len(index)} patches lack their features ({variant.key}): run all shards of "
                "`idc-trainer features extract` with the same options and --cache first"
            )
        merge_parts(place, width)
    return len(index)


def _read(source: Source, progress: Progress) -> PatchIndex:
    index = read_patches(source.data, progress)
    require_patches(index)
    return index

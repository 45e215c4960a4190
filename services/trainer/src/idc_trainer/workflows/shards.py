"""Divides the computation of features among machines that share a cache folder."""

from dataclasses import dataclass

import numpy as np

from idc_trainer.backbones.folding import served
from idc_trainer.data.check import require_patches
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import read_patches
from idc_trainer.progress import Progress
from idc_trainer.workflows.preparation import Source, all_features, read_backbone


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of the patches, numbered from 0."""

    number: int
    count: int

    def of(self, index: PatchIndex) -> PatchIndex:
        """The patches of this shard: by content, so that moving a file does not change its shard."""
        buckets = np.array([int(digest[:15], 16) % self.count for digest in index.digests.tolist()], np.int64)
        return index.rows(buckets == self.number)


def extract_shard(source: Source, shard: Shard, progress: Progress) -> int:
    """Compute the features of one shard in all variants of the recipe; returns the number of its patches.

    An interrupted shard resumes with the blocks that it lacks. Shards can run in parallel on one cache folder.

    Raises:
        DataError, WeightsError, OutputUnwritable, OutputFull: See `idc_trainer.errors`.
    """
    index = read_patches(source.data, progress)
    require_patches(index)
    chosen = shard.of(index)
    all_features(served(read_backbone(source)), chosen, source, progress)
    return len(chosen)

"""Each command's steps put together: training, cross-validation, evaluation, shards of features."""

"""Which patients train, validate and test: random and published splits, folds, and the checks against leakage."""

"""Whether the latest patches are like those that the model was trained on."""

"""The main job: a form becomes checked images, predictions, and one transaction."""

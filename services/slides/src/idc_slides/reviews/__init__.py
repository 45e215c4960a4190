"""What reviewers say of cells, and how that moves the cut and the scores around."""

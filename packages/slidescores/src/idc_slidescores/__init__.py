"""From the scores of a slide's cells to decisions."""

"""From what was learned to the files of a bundle."""

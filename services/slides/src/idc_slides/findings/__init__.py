"""From the scores of a slide's cells to what is said of the slide: cut, decisions, areas, what to review next."""

"""Pictures of a slide's tissue, made from its file."""

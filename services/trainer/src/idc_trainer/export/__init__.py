"""Files of a bundle: manifest, model card, INT8 graph and self-test, published in one step."""

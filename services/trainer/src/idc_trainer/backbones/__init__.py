"""Pretrained networks, each a Keras model from pixels to the feature maps of its stages."""

"""The pretrained networks under the head."""

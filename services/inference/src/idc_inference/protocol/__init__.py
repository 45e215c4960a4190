"""The Open Inference Protocol: requests, tensors, responses and metadata, without a web framework."""

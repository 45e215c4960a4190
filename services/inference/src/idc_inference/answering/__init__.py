"""From the body of an infer request to its response: parse, decode, compute, decide."""

"""What runs in the worker process: the libraries that decode slides. The parent imports none of it.

It imports neither settings nor contracts, so that the worker stays small.
"""

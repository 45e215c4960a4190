"""`idc classify`: image files in, forms sent, results counted and reported."""

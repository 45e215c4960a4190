"""Sub-commands of `idc-trainer`: each adds its options to the parser and prints its result."""

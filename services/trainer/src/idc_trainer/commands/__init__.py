"""The sub-commands of `idc-trainer`: each adds its options to the parser and runs what they ask."""

"""Patch files: folders, zips and CSV lists; who owns each patch; what is wrong with a data set; decoding."""

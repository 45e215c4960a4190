"""Patch files: folders, zips and CSV lists; the patient of each patch; problems of a data set; decoding."""

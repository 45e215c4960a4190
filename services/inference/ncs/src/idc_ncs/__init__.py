"""Runs a graph on a Neural Compute Stick; Python 3.9 and OpenVINO 2021.4.2 (API `IECore`)."""

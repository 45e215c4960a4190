"""Compiled graphs: conversion from Keras, execution by OpenVINO, comparison, and opening those of a bundle."""

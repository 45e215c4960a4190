"""The HTML report: charts, tables, slides, worst errors and movable thresholds."""

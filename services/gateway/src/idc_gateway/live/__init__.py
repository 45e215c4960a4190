"""What open pages are told: alarms as they report, and what changes in the work list."""

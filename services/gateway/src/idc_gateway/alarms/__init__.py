"""What alarms report and what was done with them."""

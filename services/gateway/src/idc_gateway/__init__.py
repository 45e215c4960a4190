"""Public REST, web page, results store and outbox of IDC Sentinel."""

"""The command line tool of an IDC Sentinel gateway. It speaks only to the gateway, by its REST interface."""

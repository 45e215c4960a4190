"""The connection to the broker: session, subscriptions, messages in and out."""

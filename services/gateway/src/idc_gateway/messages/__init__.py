"""From the store to the broker: outbox, backlog, leadership, the bus."""

"""What the documents claim, measured: `make bench`. Each part measures one thing, and makes one table of it."""

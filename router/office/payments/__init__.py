"""What customers pay in: by which methods, what these tell of it, and what becomes of it in the ledger."""

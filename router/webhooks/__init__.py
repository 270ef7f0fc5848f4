"""Events sent out: to which addresses, in bounded time, and what came back. No database."""

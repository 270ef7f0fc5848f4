"""PageRoutes before the log-in, and the log-in itself."""

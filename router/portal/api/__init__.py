"""JSON for pages and scripts that have a session."""

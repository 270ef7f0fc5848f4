"""Commands that run processes, and speak to them."""

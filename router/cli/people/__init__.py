"""``router people``: who logs into the portal, and what is decided about sign-ups."""

"""Tables of webhooks: endpoints, and what is to be sent to them."""

"""People: how they sign up, log in and are told apart, what they belong to, and what is decided about them."""

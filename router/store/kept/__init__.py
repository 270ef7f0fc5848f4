"""What is kept of calls for those that come after them."""

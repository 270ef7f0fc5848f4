"""What operators are told of: alerts, circuits that rest, and how far parts of the database are behind."""

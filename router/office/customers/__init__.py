"""What customers are told of their account, and what its pages call models with."""

"""What the operator's console shows and does beyond what customers and commands share."""

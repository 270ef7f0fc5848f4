"""What is done beside calls while they are under way."""

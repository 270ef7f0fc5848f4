"""What the functions for people go by: addresses, passwords, how often something may be tried, who is given credit."""

"""Customers' pages of paying in: top-ups, deposits, saved means, receipts."""

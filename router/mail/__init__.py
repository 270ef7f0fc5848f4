"""Mails: what is written in them, in which language, and how they are sent. Nothing here knows the database."""

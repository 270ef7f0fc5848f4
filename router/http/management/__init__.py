"""The API of scripts: what keys manage, and what operators do; never by a cookie, and apart from calls."""

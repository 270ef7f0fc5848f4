"""The tables of other gateways, which are read and never written."""

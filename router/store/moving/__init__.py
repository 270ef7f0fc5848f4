"""A whole database on its way: backed up, put back, copied into one of the other engine."""

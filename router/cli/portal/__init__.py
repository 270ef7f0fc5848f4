"""Commands of the portal: what it sends."""

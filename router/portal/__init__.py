"""The portal: customers' and operators' pages in front of the office."""

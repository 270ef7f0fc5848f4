"""What all wires of conversations share: parts, turns, tools; events, and the answer that they add up to."""

"""Guards on requests and replies: texts found in canonical bodies, passed by guards in their order, and put back."""

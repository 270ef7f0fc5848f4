"""What the operator's console reads across tables, and the notes that operators keep."""

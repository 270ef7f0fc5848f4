"""What people read in their own language: texts, amounts, numbers, dates."""

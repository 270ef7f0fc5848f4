"""What customers paid and were granted: kinds of credit, transfers of payments, and the rules that they keep."""

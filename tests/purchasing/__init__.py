"""Purchase orders, receipts and vendor bills: the cases that only they have."""

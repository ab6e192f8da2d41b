"""The kinds of entities that a declaration can choose from: master data, documents, orders, receipts, journals, settlements."""

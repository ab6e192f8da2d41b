"""Made-up documents and edits, in numbers that a test run can bear."""

"""Azure Table Storage and Queue Storage behind the storage ports."""

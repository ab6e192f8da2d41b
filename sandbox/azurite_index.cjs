"use strict";
// Loaded into the emulator before it starts. What it answers is the same; it looks at fewer rows for it.
const { prototype } = require("lokijs").Collection;
const { findOne, findAndRemove, removeBatch } = prototype;

// Asked for one row, it narrows by the partition first and then compares every row of it; asked in the other order it
// finds the row by its index.
prototype.findOne = function (query) {
  if (query && "PartitionKey" in query && "RowKey" in query) {
    const { PartitionKey, RowKey, ...others } = query;
    return findOne.call(this, { RowKey, PartitionKey, ...others });
  }
  return findOne.call(this, query);
};

// Removed as a result, one row makes it sort all others anew; removed as a row, it does not. Nor needs it where there is
// none, as at each look for messages that are too old.
prototype.findAndRemove = function (query) {
  const found = this.find(query);
  return found.length === 1 ? this.remove(found[0]) : findAndRemove.call(this, query);
};

prototype.removeBatch = function (rows) {
  return rows.length === 0 ? undefined : removeBatch.call(this, rows);
};

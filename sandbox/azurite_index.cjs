"use strict";
// Loaded into the emulator before it starts. Asked for one row, it narrows by the partition first and then compares
// every row of it; asked in the other order it finds the row by its index. What it answers is the same.
const loki = require("lokijs");

const findOne = loki.Collection.prototype.findOne;

loki.Collection.prototype.findOne = function (query) {
  if (query && "PartitionKey" in query && "RowKey" in query) {
    const { PartitionKey, RowKey, ...others } = query;
    return findOne.call(this, { RowKey, PartitionKey, ...others });
  }
  return findOne.call(this, query);
};

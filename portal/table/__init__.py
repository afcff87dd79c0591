"""One result, from bytes to rows: columns, VOTable, store, filters, selection, export."""

"""Read units from a network and write reductions into it; nothing else edits weights."""

from tropnnc.surgery.read import read_unit
from tropnnc.surgery.tensors import sharing_copy, unshare
from tropnnc.surgery.write import write_columns, write_rows

__all__ = ["read_unit", "sharing_copy", "unshare", "write_columns", "write_rows"]

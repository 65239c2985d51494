"""Read units from a network and write reductions into it; nothing else edits weights."""

from tropnnc.surgery.read import read_unit
from tropnnc.surgery.tensors import copy_to_narrow, sharing_copy
from tropnnc.surgery.write import write_columns, write_rows

__all__ = ["copy_to_narrow", "read_unit", "sharing_copy", "write_columns", "write_rows"]

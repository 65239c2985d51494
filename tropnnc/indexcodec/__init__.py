"""Sets of positions as bytes: lossless index codecs, Bloom filters, and coders of the values.

After DeepReduce (Xu et al., NeurIPS 2021) and relatives.md section C2; Elias and Golomb–Rice codes
and the range coder are additions.
"""

from tropnnc.indexcodec.coding import decode, encode, index_codec_names, smallest

__all__ = ["decode", "encode", "index_codec_names", "smallest"]

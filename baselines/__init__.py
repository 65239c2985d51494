"""Methods that TropNNC is compared with, one short file each."""

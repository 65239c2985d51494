"""Tables and figures, from records to a committed CSV and from that CSV alone."""

"""What every source gives: raw records, their units, and the fields of the documents made of them."""

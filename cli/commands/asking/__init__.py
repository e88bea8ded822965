"""What answers: queries, reasons, predictions."""

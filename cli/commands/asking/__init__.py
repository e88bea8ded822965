"""What answers: queries, reasons, predictions, reports, files."""

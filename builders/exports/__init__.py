"""Files that are written: their names, each whole or not there, and the forms that hold many documents."""

"""Readers of what databases of materials distribute: their own forms of file, with units, references and licences."""

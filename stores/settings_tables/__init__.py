"""Tables of the settings file, each for a part of the program that has its own."""

"""The embedded MongoDB server: its program, its process, its folder, its log."""

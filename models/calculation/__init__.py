"""First-principles calculations: which ones a value needs, and their settings. Runs none and reads no results."""

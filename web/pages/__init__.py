"""The pages that people look at: files that a browser runs, and the viewer of structures as its package has it."""

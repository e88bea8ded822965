"""Whether a structure stays what it is: vibrations, stiffness, and where soft ones lead."""

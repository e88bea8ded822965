"""Campaigns: what is looked for, by which routes, through which gates; one YAML file each."""

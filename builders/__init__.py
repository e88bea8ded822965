"""Stages: they read a store, call a model and write a store; no science in here."""

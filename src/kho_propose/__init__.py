"""Proposing a source: sample files in; a contract, its staging model and a fixture out."""

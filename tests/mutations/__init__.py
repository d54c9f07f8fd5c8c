"""Broken exports of every contract and format: made from sound ones by chance, always the same ones."""

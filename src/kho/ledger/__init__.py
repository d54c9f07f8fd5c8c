"""The ledger: what was handed over, loaded, judged, built, released and reported. Every statement on it is here."""

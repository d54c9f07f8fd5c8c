"""What Kho itself says of what it found, in Vietnamese: for mails and pages that officials read."""

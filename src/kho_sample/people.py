"""Invented people: names, numbers and addresses that nobody could take for real ones."""

from __future__ import annotations

from random import Random

FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Thạch", "Sơn", "Lâm", "Kim")
MIDDLE = ("Văn", "Thị", "Hữu", "Ngọc", "Thanh")
GIVEN = ("Mẫu", "Thử", "Ví Dụ", "Giả Định", "Tưởng Tượng", "Minh Họa", "Bịa Đặt")


def name(rng: Random) -> str:
    return f"{rng.choice(FAMILY)} {rng.choice(MIDDLE)} {rng.choice(GIVEN)}"


def phone(rng: Random) -> str:
    """No subscriber has a number that starts with 0000."""
    return f"0000{rng.randrange(10**6):06d}"


def identity_number(rng: Random) -> str:
    """No province has the code 999."""
    return f"999{rng.randrange(10**9):09d}"


def address(rng: Random) -> str:
    return f"Số {rng.randint(1, 400)}, ấp Tưởng Tượng {rng.randint(1, 9)}"

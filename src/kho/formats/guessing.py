"""Which encoding a text has, and how sure that is.

Marks and UTF-8's own rules tell most. What is left are one-byte encodings in which any byte is some character: each is
tried on the words that have such bytes, and the one wins whose words are Vietnamese syllables (or look like words at all).
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from math import exp, log

import kho.formats.encodings  # noqa: F401  the codecs tcvn3 and vni
from kho.formats.block import composed

#: below this an encoding is asked about
SURE = 0.95

_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_MOST_WORDS = 300
_VIETNAMESE = ("windows-1258", "tcvn3", "vni")
# How likely a word of the text is to look right when it is read by the right encoding, and by a wrong one.
_RIGHT, _PLAUSIBLE, _WRONG = 0.9, 0.3, 0.03
#: what UTF-8 looks like that was read as windows-1252 and written again
_TWICE = re.compile(r"á»|Ä[\u0090\u2018‘]|Æ°|áº|Ã[¡-¿]|Ã\u00a0")

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_CLOSED_TONES = {"\u0301", "\u0323"}  # the tones that a syllable ending in a stop can have


def bare(text: str) -> str:
    """Lower case, without accents."""
    parts = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(part for part in parts if not unicodedata.combining(part))


_ONSET = r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnpqrstvx])?"
_RIMES_TEXT = """
a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eng eo ep et
ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu o oa oac oach oai oam oan
oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong op ot ô ôc ôi ôm ôn ông ôp ôt
ơ ơi ơm ơn ơp ơt u ua uân uât uây uc uê uêch uênh ui um un ung uôc uôi uôm uôn uông uôt uơ up ut uy uya uych
uyên uyêt uynh uyt uyu ư ưa ưc ưi ưn ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu y yêm yên yêt yêu
"""
_RIMES = _RIMES_TEXT.split()
_SYLLABLE = re.compile(f"{_ONSET}(?:{'|'.join(sorted(_RIMES, key=len, reverse=True))})")
_BARE_SYLLABLE = re.compile(
    f"{_ONSET.replace('đ', '')}(?:{'|'.join(sorted({bare(each) for each in _RIMES}, key=len, reverse=True))})"
)
_STOPPED = re.compile(r"(?:c|ch|p|t)$")


@dataclass(frozen=True)
class Guess:
    """An encoding, how sure it is (0 to 1), and the next best with its own share."""

    encoding: str
    confidence: float
    runner_up: str | None = None
    because: str = ""
    warning: str | None = None

    def __str__(self) -> str:
        second = f"; next: {self.runner_up}" if self.runner_up else ""
        return f"{self.encoding} ({self.confidence:.0%} sure: {self.because}{second})"


def guess(data: bytes) -> Guess:
    """The encoding of a text, from its beginning (which may end within a character)."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return Guess(encoding, 1.0, because="it starts with its mark", warning=_warning(data, encoding))
    if b"\0" in data[:4000]:
        return _wide(data)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return _one_byte(data)
    if text.isascii():
        return Guess("utf-8", 1.0, because="plain ASCII, which every encoding here reads alike")
    words = len(set(_WORD.findall(data)))
    return Guess(
        "utf-8",
        min(0.99, 1 - 0.1 ** (words + 1)),
        because="every character is whole",
        warning="its letters look like UTF-8 that was read as windows-1252 and saved again: ask for another export"
        if len(_TWICE.findall(text)) * 10 > words
        else None,
    )


def is_vietnamese(word: str) -> bool:
    """Whether a word of one syllable could be Vietnamese: its letters, its rime, and a tone that may stand on it."""
    parts = unicodedata.normalize("NFD", word.lower())
    tones = [part for part in parts if part in _TONES]
    bare = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
    if len(tones) > 1 or not _SYLLABLE.fullmatch(bare):
        return False
    return not _STOPPED.search(bare) or bool(tones and tones[0] in _CLOSED_TONES)


def could_be_vietnamese(word: str) -> bool:
    """Whether a word could be a Vietnamese syllable whose accents are lost."""
    return _BARE_SYLLABLE.fullmatch(word.lower()) is not None


def _warning(data: bytes, encoding: str) -> str | None:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no {encoding}, though the file starts with its mark"
    return None


def _wide(data: bytes) -> Guess:
    """UTF-16 without a mark: in Latin scripts one byte of most pairs is zero, the second one where it is little-endian."""
    pairs = data[: len(data) // 2 * 2][:4000]
    big, little = pairs[0::2].count(0), pairs[1::2].count(0)
    encoding = "utf-16-le" if little > big else "utf-16-be"
    share = max(big, little) / max(len(pairs) // 2, 1)
    sure = 0.99 if share > 0.2 and min(big, little) * 20 < max(big, little) else 0.5
    return Guess(encoding, sure, because="every second byte is zero")


def _one_byte(data: bytes) -> Guess:
    words = list(dict.fromkeys(_WORD.findall(data)))[:_MOST_WORDS]
    read = {name: [_decoded(word, name) for word in words] for name in (*_VIETNAMESE, "cp1252")}
    scores = {name: sum(log(_likelihood(name, word)) for word in found) for name, found in read.items()}
    ranked = sorted(scores, key=lambda name: -scores[name])
    best = ranked[0]
    # Encodings that read all of it alike are no rivals.
    rivals = [name for name in ranked[1:] if read[name] != read[best]]
    # Words of one text are no independent witnesses: beyond some, more of them say nothing new.
    weight = min(1.0, 30 / len(words))
    odds = {name: exp((scores[name] - scores[best]) * weight) for name in rivals}
    good = sum(_likelihood(best, word) > _WRONG for word in read[best])
    sure = min(0.99, 1 / (1 + sum(odds.values()))) * good / len(words)
    what = "Vietnamese syllables" if best in _VIETNAMESE else "plausible words"
    second = rivals[0] if rivals else None
    return Guess(
        best,
        sure,
        second and f"{second}, {odds[second] / (1 + sum(odds.values())):.0%}",
        because=f"{good} of {len(words)} different words with accents are {what}",
    )


def _decoded(word: bytes, encoding: str) -> str | None:
    try:
        return composed(word.decode(encoding))
    except UnicodeDecodeError:
        return None


def _likelihood(encoding: str, word: str | None) -> float:
    if word is None:
        return _WRONG
    # Signs stand at a word's borders, never within.
    letters = word.strip("“”‘’«»…–—•·°ºª§ \u00a0")
    if not letters:
        return _PLAUSIBLE
    if not letters.isalpha():
        return _WRONG
    # Fonts of TCVN3 have their capitals in a font of their own: `CéNG HßA` is meant to be CỘNG HÒA.
    is_cased = letters.islower() or letters.isupper() or letters[1:].islower() or encoding == "tcvn3"
    if not is_cased:
        return _WRONG
    if encoding in _VIETNAMESE:
        return _RIGHT if is_vietnamese(letters) else _WRONG * 2
    return _PLAUSIBLE if any(letter.isascii() for letter in letters) or len(letters) == 1 else _WRONG

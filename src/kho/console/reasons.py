"""What Kho itself says of batches, sources and decisions, in Vietnamese: sentences of its own within longer texts.

Whatever is not one of them stays as it is: what people wrote, what was observed, messages of other programs.
"""

from __future__ import annotations

import re
from functools import cache, partial

from kho.console.words import Language

#: a place is whatever stands there, within one sentence
SENTENCES = {
    # The exports boundary: what is wrong
    "the file could not be read": "không đọc được tệp",
    "columns are missing": "thiếu cột",
    "values are written otherwise than the contract says": "giá trị được ghi khác với bản mô tả",
    "some values are written otherwise than the contract says": "một số giá trị được ghi khác với bản mô tả",
    "characters are encoded otherwise than the contract says": "bảng mã ký tự khác với bản mô tả",
    "columns changed their type or form": "cột đã đổi kiểu hoặc dạng",
    "columns that the contract does not know were left out": "có cột không có trong bản mô tả, đã được bỏ qua",
    "headers are spelled otherwise": "tên cột được viết khác",
    "the file is laid out otherwise": "tệp được trình bày khác",
    "the rows are not as many as the source announced": "số dòng không khớp với số nguồn đã báo",
    "the rows do not add up to the row of their sums": "các dòng cộng lại không bằng dòng tổng",
    "no row could be loaded": "không nạp được dòng nào",
    "most rows were rejected, and the contract has no limit of its own": "phần lớn số dòng bị loại, và bản mô tả không có"
    " giới hạn riêng",
    "the file has rows, and none of them is data": "tệp có dòng nhưng không dòng nào là dữ liệu",
    "rows tell of long ago only, and their keys were never there": "các dòng chỉ nói về thời gian đã lâu, và khóa của chúng"
    " chưa từng có",
    "the file has a few blank rows and no others": "tệp chỉ có vài dòng trống",
    "rows were there twice": "có dòng trùng lặp",
    "rows have the key of another row and say something else": "có dòng trùng khóa nhưng khác nội dung",
    "most keys are new": "phần lớn khóa là mới",
    "times of day moved": "giờ trong ngày bị lệch",
    "times come with other offsets than ever": "thời gian có chênh lệch múi giờ khác trước",
    "times of day are not like those of the system's other exports": "giờ trong ngày không giống các tệp khác của hệ thống",
    "dates and times that can't be were emptied": "ngày giờ không thể có đã được để trống",
    "times contradict each other": "các mốc thời gian mâu thuẫn nhau",
    "a few times contradict each other": "một vài mốc thời gian mâu thuẫn nhau",
    "rows changed after their delivery's date, by their own account": "có dòng ghi là thay đổi sau ngày của tệp",
    "values that the contract does not know were rejected": "giá trị không có trong bản mô tả đã bị loại",
    "rows, as a multiple of the usual number": "số dòng so với bình thường (lần)",
    "rows, as a multiple of those of the few files before": "số dòng so với vài tệp trước (lần)",
    "rejected rows, as a multiple of the usual share": "tỷ lệ dòng bị loại so với bình thường (lần)",
    "columns that used to be filled are empty": "cột trước đây có giá trị nay để trống",
    "the list lost all or nearly all of its rows": "danh sách mất hết hoặc gần hết số dòng",
    "the list lost more than half of its rows": "danh sách mất hơn một nửa số dòng",
    "the first list is empty": "danh sách đầu tiên không có dòng nào",
    # What to do
    "`kho source check {source}` shows how the newest file begins": "`kho source check {source}` cho xem phần đầu của tệp mới"
    " nhất",
    "give a renamed one its new header in the contract (physicalName), or ask the source for it": "nếu cột đổi tên, ghi tên"
    " mới vào bản mô tả (physicalName); nếu không, hỏi nguồn",
    "some may have been misread: change the contract's formats and replay, or ask the source": "có thể đã đọc sai: sửa định"
    " dạng trong bản mô tả rồi nạp lại, hoặc hỏi nguồn",
    "change the contract's encoding and replay, or ask the source for a sound export": "sửa bảng mã trong bản mô tả rồi nạp"
    " lại, hoặc xin nguồn tệp khác",
    "`kho rejects show` shows the rows: mend the contract and replay, or ask the source": "`kho rejects show` cho xem các dòng"
    " đó: sửa bản mô tả rồi nạp lại, hoặc hỏi nguồn",
    "`kho rejects show` shows why: mend the contract and replay, or ask the source": "`kho rejects show` cho biết vì sao: sửa"
    " bản mô tả rồi nạp lại, hoặc hỏi nguồn",
    "`kho rejects show` shows them: mend the contract and replay, ask the source, or accept the batch": "`kho rejects show`"
    " cho xem các dòng đó: sửa bản mô tả rồi nạp lại, hỏi nguồn, hoặc chấp nhận lô",
    "`kho rejects show` shows them": "`kho rejects show` cho xem các dòng đó",
    "add them to the contract to keep them: `kho source check {source}` shows their headers": "thêm vào bản mô tả để giữ lại:"
    " `kho source check {source}` cho xem tên cột",
    "what it lacks would count as gone: ask the source for the whole list, or accept the batch if it is that short": "phần"
    " thiếu sẽ bị coi là không còn: xin nguồn danh sách đầy đủ, hoặc chấp nhận lô nếu danh sách đúng là ngắn như vậy",
    "what it lacks counts as gone: ask the source whether it is whole": "phần thiếu bị coi là không còn: hỏi nguồn danh sách"
    " có đủ không",
    "figures say 0: ask the source whether there is nothing": "số liệu là 0: hỏi nguồn có đúng là không có gì",
    "a quiet day has no rows: ask the source whether its export works": "ngày không phát sinh thì tệp không có dòng: hỏi nguồn"
    " việc xuất dữ liệu có bình thường không",
    "ask the source whether rows are missing": "hỏi nguồn có thiếu dòng không",
    "are they of another zone?": "có phải của múi giờ khác?",
    "has the time zone changed?": "múi giờ đã đổi?",
    "Then change the contract's timeZone and replay": "Nếu vậy, sửa timeZone trong bản mô tả rồi nạp lại",
    "Then quote the offset in the contract's timestampFormat (yyyy-MM-dd'T'HH:mm:ss'+00:00'), check its timeZone and replay": "Nếu vậy, ghi chênh lệch vào timestampFormat của bản mô tả (yyyy-MM-dd'T'HH:mm:ss'+00:00'), kiểm tra timeZone rồi nạp lại",
    "the times are taken as they say.": "thời gian được lấy đúng như đã ghi.",
    "Are they right? Then there is nothing to do.": "Có đúng không? Nếu đúng thì không phải làm gì.",
    "Does the clock still show the time of {zone}?": "Đồng hồ vẫn theo giờ {zone}?",
    "if only some are wrong, ask the source": "nếu chỉ một số bị sai, hỏi nguồn",
    "are they rows that were there before under other keys? Then ask the source, and `kho batch withdraw`": "có phải là các dòng"
    " đã có trước đây dưới khóa khác? Nếu vậy, hỏi nguồn và dùng `kho batch withdraw`",
    "ask the source whether the columns still mean what the contract says": "hỏi nguồn ý nghĩa các cột có còn như bản mô tả"
    " không",
    "ask the source, or change the column's earliest or daysAhead in the contract and replay": "hỏi nguồn, hoặc sửa earliest"
    " hay daysAhead của cột trong bản mô tả rồi nạp lại",
    "has the source renumbered them?": "nguồn đã đánh số lại?",
    "the last of them counts: does the key still tell rows apart?": "dòng cuối được tính: khóa có còn phân biệt được các dòng"
    " không?",
    "they are ordered as of that date: ask the source whether its clock is right": "được xếp theo ngày đó: hỏi nguồn đồng hồ có"
    " đúng không",
    "they were rejected: ask the source which way is right": "các dòng này đã bị loại: hỏi nguồn cách ghi nào đúng",
    "(must be at least {least} and at most {most})": "(phải từ {least} đến {most})",
    "(must be at least {least})": "(ít nhất là {least})",
    "(must be at most {most})": "(nhiều nhất là {most})",
    "it holds rows of who is forgotten: let the source hand it over without them": "có dòng của người đã được xóa theo yêu"
    " cầu: hãy đề nghị nguồn gửi lại tệp không có các dòng đó",
    # How fresh a source is
    "nothing delivered yet": "chưa gửi gì",
    "not delivered by {unit}": "{unit} chưa gửi",
    "not delivered": "chưa gửi",
    "not loaded": "chưa nạp",
    "pending:": "chờ kiểm tra:",
    "held:": "bị giữ lại:",
    "unreadable:": "không đọc được:",
    "withdrawn:": "đã rút:",
    "replaced by batch {batch}": "được thay bằng lô {batch}",
    # What can't be decided
    "batch {batch} is unreadable: nothing of it was loaded, so there is nothing to accept. Have the source deliver it again,"
    " or mend the contract and replay it (`kho rejects replay`)": "không đọc được lô {batch}: chưa nạp được gì nên không có gì"
    " để chấp nhận. Hãy đề nghị nguồn gửi lại, hoặc sửa bản mô tả rồi nạp lại (`kho rejects replay`)",
    "batch {batch} is accepted already": "lô {batch} đã được chấp nhận",
    "batch {batch} is withdrawn already": "lô {batch} đã được rút",
    "nobody has decided on batch {batch}: there is nothing to undo": "chưa ai quyết định về lô {batch}: không có gì để bỏ",
    "there is no batch {batch}: `kho batch list` shows them": "không có lô {batch}: `kho batch list` cho xem các lô",
    "there is no release to publish": "không có bản nào để phát hành",
    "no release is pinned": "không có bản nào được ghim",
    "release {number} was refused for what nobody can accept: mend it, then run the night again.": "bản {number} bị từ chối vì"
    " điều không thể chấp nhận: hãy sửa rồi chạy lại đợt đêm.",
    "release {number} was compared with release {other}, and release {now} is in force now: run the night again and accept"
    " what is found then": "bản {number} được so với bản {other}, nay bản {now} đang dùng: hãy chạy lại đợt đêm rồi chấp nhận"
    " điều tìm thấy khi đó",
    "release {number} waits: it is of {day}, older than release {now} in force, of {later}.": "bản {number} đang chờ: số liệu"
    " của ngày {day}, cũ hơn bản {now} đang dùng, của ngày {later}.",
    "the marts boundary has not let release {number} through: check the marts first": "bản {number} chưa qua kiểm tra: hãy"
    " kiểm tra trước",
    "was not to be had in time.": "không lấy được khóa kịp thời.",
    "Who held it is gone now: run it again.": "Người giữ khóa đã thôi: hãy làm lại.",
}
#: how those begin that follow what was found, or is wanted
_WITHIN = ("(must be", "was not to be had")
_PLACE = re.compile(r"\\\{(\w+)\\\}")


def reason(language: Language, text: str | None) -> str:
    """A text with Kho's own sentences in this language, and all else of it as it is."""
    said = text or ""
    if language == "vi":
        for sentence, translated in _sentences():
            said = sentence.sub(partial(_filled, translated), said)
    return said


def _filled(translated: str, found: re.Match[str]) -> str:
    return translated.format(**found.groupdict())


@cache
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    """The longest first, for some begin alike."""
    return [
        (_pattern(text), translated)
        for text, translated in sorted(SENTENCES.items(), key=lambda each: -len(each[0]))
    ]


def _pattern(text: str) -> re.Pattern[str]:
    """Where a sentence stands as a whole: first of all, or behind another one."""
    before = r"(?<= )" if text.startswith(_WITHIN) else r"(?:^|(?<=[;:.?] ))"
    escaped = re.escape(text)
    places = _PLACE.sub(
        lambda place: f"(?P<{place[1]}>[^;:]+{'' if place.end() == len(escaped) else '?'})", escaped
    )
    return re.compile(rf"{before}{places}(?!\w)")

"""The words of the console: English as they stand in the templates, Vietnamese here."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

Language = Literal["vi", "en"]

VIETNAMESE = {
    # Pages
    "Overview": "Tổng quan",
    "Batches": "Lô dữ liệu",
    "Sources": "Nguồn",
    "Releases": "Bản phát hành",
    "Figures": "Số liệu",
    "Morning list": "Việc cần xem sáng nay",
    "Documents": "Tài liệu",
    "Pages of the console": "Các trang của bảng điều hành",
    "Skip to the content": "Đến phần nội dung",
    # Columns
    "Agency": "Cơ quan",
    "Amount": "Số",
    "As": "Dùng làm",
    "Batch": "Lô",
    "Batches that came": "Lô thêm vào",
    "Batches that went": "Lô bỏ ra",
    "Code": "Mã",
    "Columns": "Các cột",
    "Complete up to": "Đủ đến hết ngày",
    "Covered": "Ngày có số liệu",
    "Data up to": "Số liệu đến hết ngày",
    "Date": "Ngày",
    "Decision": "Quyết định",
    "Dossier": "Hồ sơ",
    "Due": "Hạn trả",
    "Expectation": "Điều kiểm tra",
    "Expected up to": "Lẽ ra đến hết ngày",
    "Field": "Lĩnh vực",
    "Figure": "Chỉ tiêu",
    "In the software": "Số đo trên phần mềm",
    "Last arrivals": "Các tệp gần đây",
    "Level": "Cấp",
    "Loaded": "Số dòng đã nạp",
    "Mart": "Bảng",
    "Message": "Nội dung",
    "Observed": "Giá trị thấy được",
    "Outcome": "Kết quả",
    "Published": "Phát hành lúc",
    "Reason": "Lý do",
    "Reasons": "Lý do",
    "Received": "Ngày nhận",
    "Rejected": "Số dòng bị loại",
    "Release": "Bản",
    "Row": "Dòng",
    "Severity": "Mức độ",
    "Source": "Nguồn",
    "State": "Trạng thái",
    "System": "Hệ thống",
    "Text, masked": "Nội dung dòng, đã che",
    "Value": "Giá trị",
    "When": "Lúc",
    "Who": "Người quyết định",
    "Why": "Vì sao",
    "Working days": "Số ngày làm việc",
    "file": "tệp",
    # Batches
    "Batch {n}": "Lô {n}",
    "Batches that wait for a decision": "Lô bị giữ lại, chờ quyết định",
    "Decide": "Quyết định",
    "Decided lately": "Quyết định gần đây",
    "Accept": "Chấp nhận",
    "Withdraw": "Rút lại",
    "Undo the last decision": "Bỏ quyết định gần nhất",
    "It counts from the next night on.": "Có hiệu lực từ đợt chạy đêm tiếp theo.",
    "Reason (it is kept with the decision)": "Lý do (được lưu cùng quyết định)",
    "Some of its rejects": "Một số dòng bị loại",
    "The rows themselves are for operators.": "Chỉ người vận hành xem được nội dung các dòng.",
    "What the boundary found": "Kết quả kiểm tra",
    "What was decided": "Các quyết định",
    "{in_file} rows: {loaded} loaded, {rejected} rejected, {skipped} skipped": "{in_file} dòng: {loaded} được nạp,"
    " {rejected} bị loại, {skipped} bỏ qua",
    "{passed} expectations passed, {skipped} were skipped.": "{passed} điều kiểm tra đạt, {skipped} được bỏ qua.",
    # Releases
    "Release {n}": "Bản {n}",
    "Accept what was found": "Chấp nhận thay đổi này",
    "Compared with release {n}, which readers had before.": "So với bản {n} mà người đọc dùng trước đó.",
    "Go back and pin it": "Quay lại và ghim",
    "Go back to this release": "Quay lại bản này",
    "It is older than the release in force.": "Bản này cũ hơn bản đang dùng.",
    "Just these rows pass from then on; the next night for that date publishes them.": "Chỉ đúng những dòng này được bỏ qua;"
    " đợt chạy đêm tiếp theo cho ngày đó sẽ phát hành.",
    "Let nights publish again.": "Cho phép các đợt chạy đêm phát hành trở lại.",
    "Models, lists or sources are others than then.": "Mô hình, danh mục hoặc nguồn đã khác so với bản đó.",
    "Nights go on building and checking, and publish nothing until it is unpinned.": "Các đợt chạy đêm vẫn dựng và kiểm tra,"
    " nhưng không phát hành cho đến khi bỏ ghim.",
    "Open a release to see what changed, to go back to it, or to accept what it was refused for.": "Mở một bản để xem có gì"
    " thay đổi, để quay lại bản đó, hoặc để chấp nhận điều khiến bản đó bị từ chối.",
    "Pin": "Ghim",
    "Pin this release": "Ghim bản này",
    "Publish": "Phát hành",
    "Publish it though it is older": "Vẫn phát hành dù cũ hơn",
    "Release {n} is not published yet.": "Bản {n} chưa được phát hành.",
    "Release {n} is pinned by {who} since {moment}: nights publish nothing.": "Bản {n} được {who} ghim từ {moment}:"
    " chưa phát hành bản mới.",
    "Release {n} of {day} passed its checks and waits for a person.": "Bản {n} của ngày {day} đã kiểm tra xong,"
    " đang chờ quyết định.",
    "Release {n} waits for a person.": "Bản {n} đang chờ quyết định.",
    "Sources in it": "Các nguồn trong bản này",
    "The same batches as before.": "Vẫn những lô như trước.",
    "There was none before it.": "Trước đó chưa có bản nào.",
    "Unpin": "Bỏ ghim",
    "What changed": "Có gì thay đổi",
    "What it was refused for and can be accepted": "Điều khiến bản bị từ chối và có thể chấp nhận",
    "{n} rows, compared with release {release}": "{n} dòng, so với bản {release}",
    "{who} at {moment}, as found in release {n}": "{who} lúc {moment}, như thấy ở bản {n}",
    # How things stand
    "A release is being published, and waits for this reader:": "Đang phát hành một bản và phải chờ người đọc này:",
    "All sources": "Tất cả các nguồn",
    "As the night of {day} saw them.": "Theo đợt chạy đêm của ngày {day}.",
    "Dossiers that somebody has to look at, as of {day}.": "Hồ sơ cần xem, tính đến hết ngày {day}.",
    "If the same date was run again, this is its newest night.": "Nếu ngày này được chạy lại, đây là đợt mới nhất.",
    "Late sources": "Nguồn chậm",
    "No night has been built yet.": "Chưa có đợt chạy đêm nào.",
    "No release is in force yet.": "Chưa có bản nào được phát hành.",
    "None.": "Không có.",
    "Nothing has been written yet: kho report and kho dictionary write here.": "Chưa có tài liệu nào: kho report và"
    " kho dictionary ghi vào đây.",
    "Nothing yet.": "Chưa có gì.",
    "Rejected rows in new files": "Dòng bị loại trong các tệp mới",
    "Rows of the last files, the newest last": "Số dòng của các tệp gần đây, mới nhất ở cuối",
    "The last night": "Đợt chạy đêm gần nhất",
    "The night of {day}": "Đợt chạy đêm của ngày {day}",
    "The night waits for nobody.": "Đợt chạy đêm không phải chờ ai.",
    "This night made no release.": "Đợt này không tạo bản nào.",
    "What could not be fetched": "Chưa lấy được từ nguồn",
    "What readers see": "Bản đang dùng",
    "What the night waits for": "Đợt chạy đêm đang chờ",
    "data up to {day}": "số liệu đến hết ngày {day}",
    "held by": "đang bị giữ bởi",
    "no release": "không có bản nào",
    "published at {moment}": "phát hành lúc {moment}",
    "{n} files": "{n} tệp",
    "{n} of {all} rows in {files} files": "{n} trên {all} dòng, trong {files} tệp",
    # From a figure to the file
    "Agencies that are no more": "Cơ quan không còn tồn tại",
    "Choose an agency, a period and a figure: the rows that it counts are shown, and where they came from.": "Chọn cơ quan, kỳ"
    " và chỉ tiêu để xem các dòng được đếm và nguồn của chúng.",
    "Columns of exports": "Các cột của tệp nguồn",
    "It is made of Kho's own lists.": "Được tính từ danh mục của Kho.",
    "Rows": "Các dòng",
    "Which columns of exports it is made of is known after the next night.": "Sau đợt chạy đêm tiếp theo mới biết chỉ tiêu"
    " lấy từ những cột nào của tệp nguồn.",
    "a list of Kho": "danh mục của Kho",
    "administrative": "Kỳ báo cáo hành chính (từ ngày 15 đến ngày 14)",
    "calendar": "Kỳ theo lịch",
    "and {n} more:": "và {n} dòng nữa:",
    "{n} more are of nothing that this agency has or that was there then.": "{n} chỉ tiêu khác không vận hành hoặc không áp"
    " dụng với cơ quan này trong kỳ.",
    # What a figure has a column or a row for
    "agency": "cơ quan",
    "counted": "Được đếm",
    "counted by": "điều kiện và số lượng",
    "dated by": "ngày tính",
    "denominator": "Mẫu số",
    "detail": "chi tiết",
    "distinct": "đếm một lần",
    "numerator": "Tử số",
    # Documents
    "Reports": "Báo cáo",
    "Data dictionary": "Từ điển dữ liệu",
    "Data Docs": "Kết quả kiểm tra dữ liệu (Data Docs)",
    # What can't be
    "Log in": "Đăng nhập",
    "Say why, in at most 2000 characters.": "Hãy ghi lý do, không quá 2000 ký tự.",
    "That can't be done now.": "Hiện không thực hiện được.",
    "The warehouse does not answer. Try again in a while.": "Kho dữ liệu không trả lời. Hãy thử lại sau ít phút.",
    "There is nothing here.": "Không tìm thấy trang này.",
    "This did not come from a page of the console.": "Yêu cầu không đến từ trang của bảng điều hành.",
    "You are not logged in.": "Bạn chưa đăng nhập.",
    "You may not see or do this.": "Bạn không có quyền xem hoặc làm việc này.",
    # States, as the ledger has them
    "abandoned": "bỏ dở",
    "accepted": "được chấp nhận",
    "built": "đã dựng",
    "candidate": "chờ phát hành",
    "dropped": "đã xóa",
    "fresh": "đầy đủ",
    "held": "bị giữ lại",
    "in_force": "đang dùng",
    "kept": "còn giữ",
    "not_delivered": "chưa gửi",
    "open": "đang dựng",
    "pending": "chờ kiểm tra",
    "pinned": "được ghim",
    "refused": "bị từ chối",
    "stale": "chậm",
    "unreadable": "không đọc được",
    "unusable": "bản mô tả có lỗi",
    "withdrawn": "đã rút",
    # Verdicts
    "critical": "Nghiêm trọng",
    "warning": "Cảnh báo",
    "info": "Lưu ý",
    "failed": "không đạt",
    "passed": "đạt",
    "skipped": "bỏ qua",
    # Why a dossier is on the morning list
    "overdue": "quá hạn",
    "due_soon": "sắp đến hạn",
    "waiting": "chờ bổ sung quá lâu",
    "not_fetched": "có kết quả chưa trả",
}


def say(language: Language, text: str, **given: Any) -> str:
    """A text of the console in this language, with what is given in its places. A state is said as the ledger has it."""
    said = VIETNAMESE.get(text, text) if language == "vi" else text
    if not given:
        return said.replace("_", " ")
    return said.format(**given)


def language_of(accepted: str | None) -> Language:
    """The one that a browser asks for rather (Accept-Language); Vietnamese where it says nothing of either."""
    weights: dict[str, float] = {}
    for each in (accepted or "").split(","):
        name, _, weight = each.strip().lower().partition(";q=")
        language = name.partition("-")[0]
        with suppress(ValueError):  # no weight
            weights[language] = max(float(weight or 1), weights.get(language, 0))
    return "en" if weights.get("en", 0) > weights.get("vi", 0) else "vi"

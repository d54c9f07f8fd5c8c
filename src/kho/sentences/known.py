"""What Kho itself says of sources, batches, releases and decisions, sentence by sentence, and the same in Vietnamese.

The rules of marts bring their own Vietnamese (`expectations/`).
"""

from __future__ import annotations

#: A place is whatever stands there, within one sentence. One that begins with … stands behind something that stays as it is.
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
    "…(must be at least {least} and at most {most})": "(phải từ {least} đến {most})",
    "…(must be at least {least})": "(ít nhất là {least})",
    "…(must be at most {most})": "(nhiều nhất là {most})",
    # What the rules of our contracts say
    "A full list is never empty": "Danh sách đầy đủ không bao giờ rỗng",
    "A list of mailboxes is never empty": "Danh sách hộp thư không bao giờ rỗng",
    "A list of staff is never empty": "Danh sách cán bộ không bao giờ rỗng",
    "A page has its row": "Trang có đủ dòng của nó",
    "A register is never empty": "Sổ không bao giờ rỗng",
    "An inventory is never empty": "Bản kiểm kê không bao giờ rỗng",
    "Rejected rows": "Số dòng bị loại",
    "a month has few rows": "mỗi tháng chỉ có ít dòng",
    "a page has one row": "mỗi trang có một dòng",
    "the form says that it is not complete": "biểu cho biết là chưa đầy đủ",
    "Share of dossiers without a reception (percent)": "Tỷ lệ hồ sơ không có ngày tiếp nhận (phần trăm)",
    "Share of rejected rows (percent)": "Tỷ lệ dòng bị loại (phần trăm)",
    "Share of rejected rows worth a look (percent)": "Tỷ lệ dòng bị loại đáng xem (phần trăm)",
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
    "…was not to be had in time.": "không lấy được khóa kịp thời.",
    "Who held it is gone now: run it again.": "Người giữ khóa đã thôi: hãy làm lại.",
    # Fetching: what is wrong
    "…gives no listing of deliveries ({error})": "không cho danh sách tệp ({error})",
    "…gives no listing that can be read ({error})": "không cho danh sách đọc được ({error})",
    "…gives no page of records": "không cho trang bản ghi nào",
    "…gives the same page again": "cho lại cùng một trang",
    "…gives a page for people and no JSON lines": "cho trang dành cho người xem, không phải JSON lines",
    "…gives more than {size} MB at once": "cho hơn {size} MB một lần",
    "…names a next page that is not there (it answers {status})": "chỉ đến trang tiếp theo không có (trả lời {status})",
    "…names a next page that is not at the server of the connection": "chỉ đến trang tiếp theo không thuộc máy chủ của kết nối",
    "…does not answer ({error})": "không trả lời ({error})",
    "…does not show the host key that connection {connection} names.": "không đưa ra khóa máy chủ mà kết nối {connection} ghi.",
    "…does not know the time zone {zone}": "không biết múi giờ {zone}",
    "…refuses the login of connection {connection} ({error})": "từ chối đăng nhập của kết nối {connection} ({error})",
    "…refuses the login of connection {connection}": "từ chối đăng nhập của kết nối {connection}",
    "…refuses connection {connection}": "từ chối kết nối {connection}",
    "…shows a certificate that can't be trusted ({error})": "đưa ra chứng thư không tin cậy được ({error})",
    "the server shows a certificate that can't be trusted ({error})": "máy chủ đưa ra chứng thư không tin cậy được ({error})",
    "…offers no TLS, so nobody knows who answers": "không có TLS nên không biết máy nào trả lời",
    "…answers {status}": "trả lời {status}",
    "…leads out of {folder}": "dẫn ra ngoài {folder}",
    "…can't be listed ({error})": "không liệt kê được ({error})",
    "it can't be read ({error})": "không đọc được ({error})",
    "…the key_file of connection {connection}, can't be read ({error})": "key_file của kết nối {connection}, không đọc được"
    " ({error})",
    "…the ca_file of a connection, holds no certificates ({error})": "ca_file của một kết nối, không có chứng thư nào ({error})",
    "connection {connection} has no host key to know {server} by": "kết nối {connection} không có khóa máy chủ để nhận ra {server}",
    "extra.tls of connection {connection} is {value}": "extra.tls của kết nối {connection} là {value}",
    "there is no connection {connection}": "không có kết nối {connection}",
    "a page is not as the contract says ({error})": "có trang không như bản mô tả ({error})",
    "no such file": "không có tệp này",
    "permission denied": "không có quyền đọc",
    "the contract's query fails with {error}": "truy vấn trong bản mô tả bị lỗi {error}",
    "the contract's query fails": "truy vấn trong bản mô tả bị lỗi",
    "two columns of the query have the same name": "hai cột của truy vấn trùng tên",
    "the query has no column {column}, the contract's watermarkColumn, among its {columns}": "truy vấn không có cột {column}"
    " (watermarkColumn của bản mô tả) trong {columns} cột",
    "{rows} rows have no {column}, so they are of no day": "{rows} dòng không có {column} nên không thuộc ngày nào",
    "{column}, the contract's watermarkColumn, holds no dates or times": "{column} (watermarkColumn của bản mô tả) không chứa"
    " ngày giờ",
    "it has more than {rows} bytes": "tệp lớn hơn {rows} byte",
    "its fetch read more than {rows} bytes": "đã đọc hơn {rows} byte",
    "it took longer than {minutes} minutes": "tệp lấy lâu hơn {minutes} phút",
    "its fetch took longer than {minutes} minutes": "việc lấy dữ liệu lâu hơn {minutes} phút",
    "it has more than {number} {what}, as no export has": "nhiều hơn {number} ({what}), không nguồn nào như vậy",
    "its server sends what can't be unpacked as it says (Content-Encoding)": "máy chủ gửi dữ liệu không giải nén được như đã báo"
    " (Content-Encoding)",
    "its control file holds {text}, and should hold rows=<number>": "tệp kiểm soát chứa {text}, phải là rows=<số dòng>",
    "its control file is a link, or nothing that is a file": "tệp kiểm soát là liên kết hoặc không phải là tệp",
    "a link, or nothing that is a file": "là liên kết hoặc không phải là tệp",
    "not named as the contract's fileName says": "tên không theo fileName của bản mô tả",
    "named as another file of its folder that is newer, as far as one can see": "trùng tên (khi hiển thị) với một tệp mới hơn"
    " trong thư mục",
    "neither its name nor its source says of which day it is": "cả tên tệp lẫn nguồn đều không cho biết là của ngày nào",
    "what its name holds is no date": "phần ngày trong tên tệp không phải là ngày",
    "not complete yet": "chưa đầy đủ",
    "its control file ({name}) is not there": "chưa có tệp kiểm soát ({name})",
    "it holds {rows} rows, and its control file announces {announced}": "tệp có {rows} dòng, tệp kiểm soát báo {announced}",
    "it is still being written": "tệp còn đang được ghi",
    "its size or time changed while it was read": "kích thước hoặc thời gian đã đổi khi đang đọc",
    "its time changed while it was read, and nothing else": "chỉ thời gian đã đổi khi đang đọc",
    "something else took its place while it was read": "tệp đã bị thay khi đang đọc",
    "another object took its place while it was read": "tệp đã bị thay khi đang đọc",
    "it was taken away while it was read": "tệp đã bị lấy đi khi đang đọc",
    "it changed while its pages were read": "dữ liệu đã đổi khi đang đọc các trang",
    "it changed while it was read": "dữ liệu đã đổi khi đang đọc",
    "its pages hold {found} records of {total}": "các trang có {found} trên {total} bản ghi",
    "the query gave {found} rows, and {before} a moment before": "truy vấn cho {found} dòng, ngay trước đó là {before}",
    "it is not there yet, or the contract's location is not right": "chưa có, hoặc location trong bản mô tả không đúng",
    # Fetching: what to do
    "…is not there: is the contract's location right, and was anything handed over?": "không có ở đó: location trong bản mô tả"
    " có đúng không, và đã gửi gì chưa?",
    "is the contract's location right, and may {connection} read it?": "location trong bản mô tả có đúng không, và {connection}"
    " có được đọc không?",
    "is the contract's location right?": "location trong bản mô tả có đúng không?",
    "is the contract's database right?": "cơ sở dữ liệu trong bản mô tả có đúng không?",
    "are the contract's location and recordsPath right?": "location và recordsPath trong bản mô tả có đúng không?",
    "do paging and pageParameter of the contract fit?": "paging và pageParameter trong bản mô tả có đúng không?",
    "does it ask for a login? It is asked for again": "có đòi đăng nhập không? Đợt sau sẽ lấy lại",
    "is the server up, are host, port and schema of connection {connection} right, and is its certificate signed by what"
    " extra.ca_file holds?": "máy chủ có chạy không, host, port và schema của kết nối {connection} có đúng không, chứng thư có do"
    " extra.ca_file ký không?",
    "is the server up, and are host and port of connection {connection} right?": "máy chủ có chạy không, host và port của kết nối"
    " {connection} có đúng không?",
    "is the folder there, mounted and readable?": "thư mục có ở đó, đã gắn và đọc được không?",
    "may this user read it?": "người dùng này có được đọc không?",
    "check its login (access key) and password (secret key), and that they may list and read it": "kiểm tra login (access key)"
    " và password (secret key), và quyền liệt kê, đọc",
    "check login, password, and that it may connect to this database": "kiểm tra login, password, và quyền kết nối vào cơ sở dữ"
    " liệu này",
    "check login, and password or extra.key_file": "kiểm tra login, và password hoặc extra.key_file",
    "check login and password": "kiểm tra login và password",
    "it must know MLSD with type, size and modify, and UTF-8": "máy chủ phải có MLSD với type, size, modify, và UTF-8",
    "it must know TLS (AUTH TLS, PROT P) and MLSD": "máy chủ phải có TLS (AUTH TLS, PROT P) và MLSD",
    "it must be a private key, and the connection's password that of the key": "đó phải là khóa riêng, và password của kết nối"
    " phải là của khóa",
    "it must hold one as yyyymmdd": "phải ghi ngày dạng yyyymmdd",
    "put the file of its authority's certificate into extra.ca_file of connection {connection}. If it was trusted before,"
    " somebody may stand in between": "ghi tệp chứng thư của nơi cấp vào extra.ca_file của kết nối {connection}. Nếu trước đây"
    " vẫn tin cậy được, có thể có kẻ đứng giữa",
    "put the authority's there, as PEM": "đặt chứng thư của nơi cấp vào đó, dạng PEM",
    "put the server's public key, as `ssh-keyscan` shows it, into extra.host_key": "ghi khóa công khai của máy chủ, như"
    " `ssh-keyscan` cho xem, vào extra.host_key",
    "If the server was given a new key, have its keeper confirm it and put it into extra.host_key": "Nếu máy chủ có khóa mới, đề"
    " nghị người quản trị xác nhận rồi ghi vào extra.host_key",
    "if not, somebody stands in between": "nếu không, có kẻ đứng giữa",
    "have its keeper switch it on.": "đề nghị người quản trị bật TLS.",
    "Where nobody can stand in between, write": "Nơi không ai đứng giữa được, ghi",
    "…into extra of connection {connection}": "vào extra của kết nối {connection}",
    "leave it out, or write unverified where nobody can stand in between": "bỏ đi, hoặc ghi unverified nơi không ai đứng giữa được",
    "have its keeper load the zones (mariadb-tzinfo-to-sql)": "đề nghị người quản trị nạp các múi giờ (mariadb-tzinfo-to-sql)",
    "let the user of connection {connection} read it": "cho người dùng của kết nối {connection} đọc",
    "run it by hand, as the login of connection {connection}, to see where": "chạy thử bằng tay, với tài khoản của kết nối"
    " {connection}, để biết lỗi ở đâu",
    "give one another (as)": "đặt tên khác cho một cột (as)",
    "let the query fill it (coalesce) or leave them out": "để truy vấn điền giá trị (coalesce) hoặc bỏ các dòng đó",
    "say in {file} where it leads to": "ghi trong {file} kết nối dẫn đến đâu",
    "nothing is asked there": "không hỏi ở đó",
    "Kho reads nothing outside. Mount the folder there, or mend the contract's path": "Kho không đọc gì bên ngoài. Gắn thư mục vào"
    " trong, hoặc sửa đường dẫn trong bản mô tả",
    "the password of connection {connection} must be a valid token, or that of its login, or the key for the header that"
    " extra.api_key_header names": "password của kết nối {connection} phải là token còn hạn, mật khẩu của login, hoặc khóa cho"
    " header ghi ở extra.api_key_header",
    "the server is in trouble": "máy chủ gặp sự cố",
    "the contract's maxFileMegabytes": "giới hạn maxFileMegabytes của bản mô tả",
    "that is the contract's {key}, a custom property of its server. Is the export that much?": "đó là {key} trong bản mô tả, một"
    " customProperty của server. Tệp xuất có đúng là nhiều như vậy không?",
    "Then raise it": "Nếu đúng, tăng giới hạn",
    "if not, tell the keeper of the source": "nếu không, báo người quản trị nguồn",
    "tell the keeper of the source": "báo người quản trị nguồn",
    "tell the server's keeper": "báo người quản trị máy chủ",
    "tell its keeper": "báo người quản trị",
    "name it by its day": "đặt tên theo ngày",
    "only that one is taken": "chỉ tệp đó được lấy",
    "it is taken once it is": "sẽ lấy khi đủ",
    "it was taken as it is": "đã lấy như hiện có",
    "ask the keeper of the source which is right. Other records are taken once they are there": "hỏi người quản trị nguồn bên nào"
    " đúng. Các bản ghi khác được lấy khi có",
    "Kho opens none": "Kho không mở",
    "have the source hand over the file itself": "đề nghị nguồn gửi chính tệp đó",
    # The marts boundary
    "Not so:": "Không đúng:",
    "Accepted.": "Đã được chấp nhận.",
    "Behind it:": "Nguyên nhân:",
    "and {n} more": "và {n} nữa",
    "It could not be checked:": "Không kiểm tra được:",
    "it reads all years: judged on Sundays, and after a full refresh": "quy tắc đọc mọi năm: kiểm tra vào chủ nhật, và sau khi"
    " dựng lại toàn bộ",
    "no release is in force yet": "chưa có bản nào đang dùng",
    "a model or a seed of dbt_project changed": "mô hình hoặc danh mục trong dbt_project đã đổi",
    "no seed, contract or batch that changed": "không có danh mục, bản mô tả hoặc lô nào đổi",
    "…({number} figures)": "({number} số liệu)",
    "dbt_project/seeds/{seed}, line {line}": "dbt_project/seeds/{seed}, dòng {line}",
    "dbt_project/seeds/{seed}, lines {line}": "dbt_project/seeds/{seed}, các dòng {line}",
    "…is no metric any more": "không còn là chỉ tiêu",
    "…is no unit any more": "không còn là đơn vị",
    "contracts/{contract} is gone": "contracts/{contract} không còn",
    "…has no line any more": "không còn dòng nào",
    "…there to {day}, before: to {earlier}": "có đến {day}, trước đây đến {earlier}",
    "batches of {contract} that are no longer read": "lô của {contract} không còn được đọc",
    "batch {batch} of {contract} came": "lô {batch} của {contract} thêm vào",
    "batch {batch} of {contract} went": "lô {batch} của {contract} bỏ ra",
    "the night loads up to {day}, release {number} in force is of {other}": "đợt chạy đêm nạp đến {day}, bản {number} đang dùng"
    " là của ngày {other}",
    "batch {batch} of {contract}, {day}, of which {rows} rows of {first} to {last} came": "lô {batch} của {contract}, {day}, thêm"
    " vào {rows} dòng của {first} đến {last}",
    "batch {batch} of {contract}, {day}, of which {rows} rows of {first} to {last} went": "lô {batch} của {contract}, {day}, bỏ ra"
    " {rows} dòng của {first} đến {last}",
    "batch {batch} of {contract}, {day} came": "lô {batch} của {contract}, {day}, thêm vào",
    "batch {batch} of {contract}, {day} went": "lô {batch} của {contract}, {day}, bỏ ra",
    # Who is waited for
    "process {pid} of {role} ({name}), in a transaction since {moment}": "tiến trình {pid} của {role} ({name}), giao dịch mở từ"
    " {moment}",
    "process {pid} of {role} ({name})": "tiến trình {pid} của {role} ({name})",
    "End who holds it (select pg_terminate_backend(<process>)), then run it again.": "Kết thúc tiến trình đang giữ (select"
    " pg_terminate_backend(<process>)), rồi làm lại.",
    "It is held by": "Đang bị giữ bởi",
    "End them (select pg_terminate_backend(<process>)) and publish again": "Kết thúc các tiến trình đó (select"
    " pg_terminate_backend(<process>)) rồi phát hành lại",
    "They are gone now: publish again.": "Các tiến trình đó đã thôi: hãy phát hành lại.",
    "release {number} could not be published: readers hold the marts.": "không phát hành được bản {number}: người đọc đang giữ các"
    " bảng.",
    "{schema} could not be published: transactions from before it are still open.": "không phát hành được {schema}: còn giao dịch"
    " mở từ trước đó.",
    # What can't be decided, either
    "batch {batch} was {state} by that decision and is {now} now: it cannot be undone any more": "lô {batch} là {state} theo quyết"
    " định đó, nay là {now}: không bỏ được nữa",
    "batch {batch} can't be decided on": "chưa quyết định được về lô {batch}",
    "its rows were removed on {day}, long after it was withdrawn": "các dòng đã được xóa ngày {day}, lâu sau khi lô được rút",
    "its rows are not rebuilt yet: run `kho rebuild` again": "các dòng chưa được dựng lại: hãy chạy lại `kho rebuild`",
    "release {number} was refused": "bản {number} đã bị từ chối",
    "release {number} was refused or dropped meanwhile": "bản {number} vừa bị từ chối hoặc đã xóa",
    "release {number} is not kept; kept: {others}": "bản {number} không còn giữ; còn giữ: {others}",
    "there is no earlier release; kept: {others}": "không có bản nào trước đó; còn giữ: {others}",
    "there is no release {number}": "không có bản {number}",
    "release {number} is {state}: only what a refused one was refused for can be accepted": "bản {number} là {state}: chỉ chấp nhận"
    " được điều khiến một bản bị từ chối",
    "`kho release list` shows them": "`kho release list` cho xem các bản",
    "`kho release unpin` lets newer ones be published": "`kho release unpin` cho phép phát hành bản mới hơn",
    "`kho release publish --allow-older` publishes it": "`kho release publish --allow-older` phát hành bản đó",
    # Why a file is unreadable
    "it holds rows of who is forgotten: let the source hand it over without them": "có dòng của người đã được xóa theo yêu cầu: hãy"
    " đề nghị nguồn gửi lại tệp không có các dòng đó",
    "the file is empty": "tệp rỗng",
    "not even a header": "không có cả dòng tiêu đề",
    "no row at all": "không có dòng nào",
    "it has another header than the parts before it": "dòng tiêu đề khác các phần trước",
    "the file is binary (a workbook, an archive?), its contract says text": "tệp là nhị phân (bảng tính, tệp nén?), bản mô tả ghi là"
    " văn bản",
    "the file is no {encoding}": "tệp không phải {encoding}",
    "its first characters take one byte each": "các ký tự đầu chỉ chiếm một byte",
    "the line at byte {position} is longer than {bytes} bytes": "dòng ở byte {position} dài hơn {bytes} byte",
    "the file holds no header": "tệp không có dòng tiêu đề",
    "the file starts with the mark of {codec}, its contract says {encoding}": "tệp bắt đầu bằng dấu của {codec}, bản mô tả ghi"
    " {encoding}",
    "byte {position} is no {encoding}, though the file starts with its mark": "byte {position} không phải {encoding}, dù tệp bắt đầu"
    " bằng dấu của bảng mã đó",
    "the file is not {encoding}": "tệp không phải {encoding}",
    "byte {position} can't be decoded": "không giải mã được byte {position}",
    "the header can't be read": "không đọc được dòng tiêu đề",
    "this is not the header of {contract}": "đây không phải dòng tiêu đề của {contract}",
    "{missing} of {all} columns are missing ({named})": "thiếu {missing} trên {all} cột ({named})",
    "found {columns}": "thấy {columns}",
    "the file is no HTML": "tệp không phải HTML",
    "it is XML of Excel 2003 (SpreadsheetML), which is not read": "là XML của Excel 2003 (SpreadsheetML), không đọc được",
    "ask the source for xlsx or csv, or open it and save it as xlsx": "xin nguồn tệp xlsx hoặc csv, hoặc mở ra rồi lưu lại dạng"
    " xlsx",
    "the HTML is quoted-printable, as mails carry it, and has lost the head that says so": "HTML ở dạng quoted-printable như trong thư"
    " điện tử, và đã mất phần đầu cho biết điều đó",
    "the file holds no HTML table": "tệp không có bảng HTML",
    "the web archive (MHTML) holds no HTML table": "tệp lưu trang web (MHTML) không có bảng HTML",
    "the table has no end": "bảng không có phần cuối",
    "the file is cut off": "tệp bị cắt",
    "the HTML can't be read": "không đọc được HTML",
    "a page of the web archive is not {encoding}, as it says it is": "có trang trong tệp lưu trang web không phải {encoding} như đã ghi",
    "the file is no JSON lines": "tệp không phải JSON lines",
    "the page at byte {position} has no list '{path}'": "trang ở byte {position} không có danh sách '{path}'",
    "the contract's recordsPath begins with {name}": "recordsPath trong bản mô tả bắt đầu bằng {name}",
    "the contract's recordsPath": "recordsPath trong bản mô tả",
    "a page is larger than {size} MB": "có trang lớn hơn {size} MB",
    "its contract's maxFileMegabytes": "giới hạn maxFileMegabytes trong bản mô tả",
    "the page at byte {position} can't be read ({error})": "không đọc được trang ở byte {position} ({error})",
    "is the file cut off?": "tệp có bị cắt không?",
    "it unpacks to more than {times} times its size and the contract's maxFileMegabytes": "giải nén ra hơn {times} lần kích thước và"
    " hơn maxFileMegabytes của bản mô tả",
    "no export does": "không tệp xuất nào như vậy",
    "the Parquet file can't be read ({error})": "không đọc được tệp Parquet ({error})",
    "is it cut off, or another kind of file?": "tệp bị cắt, hay là loại tệp khác?",
    "the zip holds more files than any export has": "tệp zip có nhiều tệp hơn mọi lần xuất",
    "ask for fewer, larger ones": "xin ít tệp hơn, lớn hơn",
    "the file is larger than {size} MB": "tệp lớn hơn {size} MB",
    "this is no whole zip (cut off, or another kind of file)": "không phải tệp zip nguyên vẹn (bị cắt, hoặc loại tệp khác)",
    "this is no whole workbook (cut off, or another kind of file)": "không phải bảng tính nguyên vẹn (bị cắt, hoặc loại tệp khác)",
    "the zip holds no file": "tệp zip không có tệp nào",
    "it unpacks to more than {bytes} bytes": "giải nén ra hơn {bytes} byte",
    "the contract's maxUnpackedBytes.": "giới hạn maxUnpackedBytes trong bản mô tả.",
    "the contract's maxLoadMinutes.": "giới hạn maxLoadMinutes trong bản mô tả.",
    "Is the export that much?": "Tệp xuất có đúng là nhiều như vậy không?",
    "Then raise it and replay the batch": "Nếu đúng, tăng giới hạn rồi nạp lại lô",
    "if not, let the source hand over a good file": "nếu không, đề nghị nguồn gửi tệp đúng",
    "…is encrypted: ask for the zip without a password": "có mật khẩu: xin tệp zip không mật khẩu",
    "…is packed in an uncommon way: ask for a zip with deflate": "nén theo cách ít dùng: xin tệp zip nén deflate",
    "it can't be unpacked": "không giải nén được",
    "…can't be unpacked: is it damaged?": "không giải nén được: có bị hỏng không?",
    "is the file cut off or damaged?": "tệp bị cắt hoặc hỏng?",
    "is it damaged?": "có bị hỏng không?",
    "the workbook unpacks to more than {size} MB": "bảng tính giải nén ra hơn {size} MB",
    "the workbook can't be read within {size} MB of memory": "không đọc được bảng tính trong {size} MB bộ nhớ",
    "is it damaged, or do its cells spread too wide?": "có bị hỏng, hoặc các ô trải quá rộng?",
    "the workbook can't be read": "không đọc được bảng tính",
    "there is no sheet '{sheet}', and {several} with the contract's header": "không có trang tính '{sheet}', và {several} có dòng tiêu"
    " đề của bản mô tả",
    "there is no sheet '{sheet}'": "không có trang tính '{sheet}'",
    "there are {sheets}": "có {sheets}",
    "the contract's key sheet names it": "khóa sheet trong bản mô tả ghi tên trang",
    "this is no {format}": "đây không phải {format}",
    "it may be an xlsx or ods": "có thể là xlsx hoặc ods",
    "it is an xls, or has a password": "là xls, hoặc có mật khẩu",
    "it is a web archive (MHTML), which the format html reads": "là tệp lưu trang web (MHTML), định dạng html đọc được",
    "it is html": "là html",
    "it is another kind of file": "là loại tệp khác",
    "it looks like {kind}": "có vẻ là {kind}",
    "the file has no {path}": "tệp không có {path}",
    "the file's root is another ({name})": "gốc của tệp là gốc khác ({name})",
    "the file is no whole XML": "tệp không phải XML nguyên vẹn",
    "loading it took longer than {minutes} minutes": "nạp tệp lâu hơn {minutes} phút",
    "Kho failed on it ({error}), which is to be mended in Kho": "Kho bị lỗi với tệp này ({error}), phải sửa trong Kho",
    "report that with the file. Replay the batch then, or withdraw it": "hãy báo lỗi kèm tệp. Sau đó nạp lại lô, hoặc rút lô",
    "it has more columns, or longer cells in them, than a table of PostgreSQL takes (at most 1,600 columns)": "tệp có nhiều cột, hoặc ô"
    " dài, hơn mức một bảng của PostgreSQL chứa được (nhiều nhất 1.600 cột)",
    "let the source export the contract's columns only": "đề nghị nguồn chỉ xuất các cột của bản mô tả",
    # Why a row was rejected: what is wrong with a column
    ": missing": ": thiếu giá trị",
    ": not a date ({format})": ": không phải ngày ({format})",
    ": not a time ({format})": ": không phải ngày giờ ({format})",
    ": neither yes nor no": ": không phải có hoặc không",
    ": not a whole number at least {least} at most {most}": ": không phải số nguyên từ {least} đến {most}",
    ": not a whole number at least {least}": ": không phải số nguyên ít nhất {least}",
    ": not a whole number at most {most}": ": không phải số nguyên nhiều nhất {most}",
    ": not a whole number": ": không phải số nguyên",
    ": not a number at least {least} at most {most}": ": không phải số từ {least} đến {most}",
    ": not a number at least {least}": ": không phải số ít nhất {least}",
    ": not a number at most {most}": ": không phải số nhiều nhất {most}",
    ": not a number": ": không phải số",
    ": not one of the contract's values": ": không có trong các giá trị của bản mô tả",
    ": not of the contract's pattern": ": không đúng mẫu của bản mô tả",
    "đổi chỗ? {column} has what fits": "đổi chỗ? {column} có giá trị đúng mẫu này",
    ": not an agency's code": ": không phải mã cơ quan",
    ": not agencies' codes joined by '; '": ": không phải các mã cơ quan nối bằng '; '",
    ": a number that a workbook has shortened: its digits are lost": ": số bị bảng tính rút gọn: đã mất chữ số",
    ": unmapped code; add {line} to seeds/code_mappings.csv": ": mã chưa có trong danh mục; thêm {line} vào seeds/code_mappings.csv",
    ": before {day}": ": trước {day}",
    ": more than {days} days after the delivery's date": ": hơn {days} ngày sau ngày của tệp",
    ": more than 1 day after the delivery's date": ": hơn 1 ngày sau ngày của tệp",
    ": not the sum of {columns}": ": không bằng tổng của {columns}",
    ": repeats an earlier row of the file (same key and version)": ": trùng một dòng phía trên trong tệp (cùng khóa và phiên bản)",
    ": repeats a later row of the file (same key and version)": ": trùng một dòng phía dưới trong tệp (cùng khóa và phiên bản)",
    ": contradicts an earlier row of the file, which counts (same key and version)": ": mâu thuẫn với một dòng phía trên trong tệp, là"
    " dòng được tính (cùng khóa và phiên bản)",
    ": contradicts an earlier row of the file (same key and version)": ": mâu thuẫn với một dòng phía trên trong tệp (cùng khóa và"
    " phiên bản)",
    ": contradicts a later row of the file, which counts (same key and version)": ": mâu thuẫn với một dòng phía dưới trong tệp, là"
    " dòng được tính (cùng khóa và phiên bản)",
    # and what with the row
    "ragged row: {columns} columns instead of {width}": "dòng lệch cột: {columns} cột thay vì {width}",
    "a zero character stands in the row": "trong dòng có ký tự rỗng (zero)",
    "a character stands in the row that is none": "trong dòng có ký tự không hợp lệ",
    "a character is not {encoding}": "có ký tự không thuộc {encoding}",
    "a line break stands outside quotes": "có ngắt dòng nằm ngoài dấu nháy",
    "not a JSON object": "không phải đối tượng JSON",
    "the line is longer than {bytes} bytes": "dòng dài hơn {bytes} byte",
    "the record is longer than {characters} characters": "bản ghi dài hơn {characters} ký tự",
    "a text in the row is not in {encoding}: was it typed in Unicode?": "có chữ trong dòng không thuộc {encoding}: đã gõ bằng"
    " Unicode?",
    "the cell shows {error}": "ô hiện {error}",
    "the cell has a formula that was never calculated": "ô có công thức chưa được tính",
    "the cell has a value of a type that nobody knows": "ô có giá trị thuộc kiểu không rõ",
}

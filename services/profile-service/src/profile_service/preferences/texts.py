# ruff: noqa: RUF001  full-width punctuation is the right one in Chinese
"""What the customers' pages say, in English, Traditional Chinese and Vietnamese."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts of one language; `date` is a format for `strftime`."""

    tag: str
    name: str
    date: str
    title: str
    intro: str
    channel: str
    save: str
    nothing: str
    saved: str
    granted: str
    refused: str
    silent: str
    pending: str
    suppressed: str
    restricted: str
    confirm_title: str
    confirm: str
    confirm_button: str
    confirmed_title: str
    confirmed: str
    lost_title: str
    lost: str
    channels: Mapping[str, str]
    purposes: Mapping[str, str]


ENGLISH: Final = Texts(
    tag="en",
    name="English",
    date="%d %B %Y",
    title="Your choices",
    intro="Tick what we may contact you about, and how. Changes take effect at once.",
    channel="Channel",
    save="Save my choices",
    nothing="Stop everything",
    saved="Your choices are saved.",
    granted="Allowed since {date}",
    refused="Refused on {date}",
    silent="Not allowed",
    pending="Waiting for your confirmation",
    suppressed="You are on a do-not-contact list: we do not contact you this way, whatever is ticked here.",
    restricted="You have asked us not to use your data: we do not contact you, whatever is ticked here.",
    confirm_title="Please confirm",
    confirm="You asked to receive “{purpose}” by this channel: {channel}. Please confirm that this is what you want.",
    confirm_button="Yes, I confirm",
    confirmed_title="Thank you",
    confirmed="Your consent is confirmed. You may close this page.",
    lost_title="This link does not work",
    lost="It may have been cut off, or its time is over. Please ask us for a new one.",
    channels={
        "email": "E-mail",
        "sms": "Text message",
        "phone": "Telephone call",
        "letter": "Letter",
        "push": "App notification",
        "messenger": "Messenger",
        "web": "On our website",
    },
    purposes={
        "marketing": "Offers and news",
        "service": "Service information",
        "newsletter": "Newsletter",
        "research": "Surveys",
        "analytics": "Statistics",
    },
)
CHINESE: Final = Texts(
    tag="zh-Hant",
    name="繁體中文",
    date="%Y 年 %m 月 %d 日",
    title="您的聯絡偏好",
    intro="請勾選我們可以與您聯絡的事項與方式。變更立即生效。",
    channel="聯絡方式",
    save="儲存我的選擇",
    nothing="全部停止",
    saved="您的選擇已儲存。",
    granted="自 {date} 起同意",
    refused="已於 {date} 拒絕",
    silent="尚未同意",
    pending="等待您確認",
    suppressed="您已列入拒絕聯絡名單：無論此處如何勾選，我們都不會以此方式與您聯絡。",
    restricted="您已要求我們停止使用您的資料：無論此處如何勾選，我們都不會與您聯絡。",
    confirm_title="請確認",
    confirm="您要求透過「{channel}」接收「{purpose}」。請確認這是您的意願。",
    confirm_button="是，我確認",
    confirmed_title="謝謝您",
    confirmed="您的同意已確認。您可以關閉此頁面。",
    lost_title="此連結無效",
    lost="連結可能不完整，或已經過期。請向我們索取新的連結。",
    channels={
        "email": "電子郵件",
        "sms": "簡訊",
        "phone": "電話",
        "letter": "郵寄信件",
        "push": "App 通知",
        "messenger": "通訊軟體",
        "web": "網站",
    },
    purposes={
        "marketing": "優惠與最新消息",
        "service": "服務通知",
        "newsletter": "電子報",
        "research": "問卷調查",
        "analytics": "統計分析",
    },
)
VIETNAMESE: Final = Texts(
    tag="vi",
    name="Tiếng Việt",
    date="%d/%m/%Y",
    title="Lựa chọn của quý khách",
    intro="Xin đánh dấu những nội dung và cách thức mà chúng tôi được phép liên hệ. Thay đổi có hiệu lực ngay.",
    channel="Cách liên hệ",
    save="Lưu lựa chọn của tôi",
    nothing="Ngừng tất cả",
    saved="Đã lưu lựa chọn của quý khách.",
    granted="Đồng ý từ ngày {date}",
    refused="Đã từ chối ngày {date}",
    silent="Chưa đồng ý",
    pending="Đang chờ quý khách xác nhận",
    suppressed=(
        "Quý khách có tên trong danh sách không liên hệ: chúng tôi không liên hệ bằng cách này, dù chọn gì ở đây."
    ),
    restricted=(
        "Quý khách đã yêu cầu chúng tôi ngừng sử dụng dữ liệu: chúng tôi không liên hệ, dù quý khách chọn gì ở đây."
    ),
    confirm_title="Xin xác nhận",
    confirm="Quý khách đã đăng ký nhận “{purpose}” qua: {channel}. Xin xác nhận đây là mong muốn của quý khách.",
    confirm_button="Vâng, tôi xác nhận",
    confirmed_title="Cảm ơn quý khách",
    confirmed="Sự đồng ý của quý khách đã được xác nhận. Quý khách có thể đóng trang này.",
    lost_title="Liên kết này không hoạt động",
    lost="Liên kết có thể bị cắt mất một phần hoặc đã hết hạn. Xin liên hệ với chúng tôi để nhận liên kết mới.",
    channels={
        "email": "Thư điện tử",
        "sms": "Tin nhắn SMS",
        "phone": "Gọi điện thoại",
        "letter": "Thư bưu điện",
        "push": "Thông báo ứng dụng",
        "messenger": "Ứng dụng nhắn tin",
        "web": "Trên trang web",
    },
    purposes={
        "marketing": "Ưu đãi và tin tức",
        "service": "Thông tin dịch vụ",
        "newsletter": "Bản tin",
        "research": "Khảo sát",
        "analytics": "Thống kê",
    },
)
LANGUAGES: Final = (ENGLISH, CHINESE, VIETNAMESE)
_BY_LANGUAGE: Final = {"en": ENGLISH, "zh": CHINESE, "vi": VIETNAMESE}


def spoken(tag: str | None) -> Texts | None:
    """The texts for a language tag (BCP 47) if there are any; every Chinese reader gets the traditional script."""
    return _BY_LANGUAGE.get((tag or "").lower().replace("_", "-").partition("-")[0])


def accepted(header: str | None) -> Texts | None:
    """The texts that an `Accept-Language` header (RFC 9110) likes best, None if it likes none of them."""
    liked: list[tuple[float, int, Texts]] = []
    for index, part in enumerate((header or "").split(",")[:20]):
        tag, _, quality = part.strip().partition(";")
        texts = spoken(tag.strip())
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if texts is not None and weight > 0:
            liked.append((-weight, index, texts))
    return min(liked, key=lambda each: each[:2])[2] if liked else None


def choose(asked: str | None, header: str | None, profile: str | None) -> Texts:
    """The language asked for by name, else the browser's, else the one in the customer's file, else English."""
    return spoken(asked) or accepted(header) or spoken(profile) or ENGLISH


def label(key: str, known: Mapping[str, str]) -> str:
    """The name of a channel or purpose; one that a firm made up is shown by its key."""
    return known.get(key) or key.replace("_", " ").capitalize()

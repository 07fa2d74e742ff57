"""Made-up people in Latin, Chinese and Vietnamese names, and what mistakes make of them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from profile_service.matching.linkage.records import Record

Mistake = Callable[[random.Random, Record], Record]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
_ENGLISH = (
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret",
    "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Moore Jackson Martin Thompson White "
    "Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams Baker Nelson",
    "Oak Maple Cedar Elm Pine Washington Lake Hill Park Main Church River Sunset Railroad Jefferson",
    "Springfield Riverton Fairview Georgetown Salem Madison Clinton Arlington Ashland Dover",
)
_TAIWANESE = (
    "志明 春嬌 家豪 淑芬 俊傑 雅婷 建宏 怡君 志偉 美玲 冠宇 詩涵 宗翰 佳穎 "
    "承翰 雅雯 柏翰 欣怡 彥廷 佩珊 文雄 麗華 國強 秀英",
    "陳 林 黃 張 李 王 吳 劉 蔡 楊 許 鄭 謝 郭 洪 曾 邱 廖 賴 周 徐 蘇 葉 莊 呂",
    "中山路 民生路 忠孝東路 和平西路 復興北路 中正路 建國路 文化路 成功路 信義路",
    "台北市 新北市 桃園市 台中市 台南市 高雄市 新竹市 基隆市",
)
_MAINLAND = (
    "伟 芳 娜 秀英 敏 静 丽 强 磊 军 洋 勇 艳 杰 涛 明 超 秀兰 霞 平 刚 桂英 建华 志强 晓明 海燕",
    "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩",
    "人民路 解放路 建设路 和平路 中山路 新华路 长江路 北京路 南京路 东风路",
    "北京市 上海市 广州市 深圳市 成都市 杭州市 武汉市 西安市",
)
_VIETNAMESE = (
    "Văn Hùng|Thị Hương|Minh Tuấn|Ngọc Lan|Đức Anh|Thu Hà|Quang Huy|Thị Mai|Hoàng Nam|Bảo Châu|Thanh Tùng|Phương Thảo|"
    "Văn Đức|Thị Thủy|Anh Dũng|Kim Ngân|Xuân Trường|Diệu Linh|Công Vinh|Thùy Dung",
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý",
    "Lê Lợi|Trần Hưng Đạo|Nguyễn Huệ|Hai Bà Trưng|Lý Thường Kiệt|Quang Trung|Điện Biên Phủ|Phan Chu Trinh",
    "Hà Nội|Đà Nẵng|Hải Phòng|Cần Thơ|Huế|Nha Trang|Biên Hòa|Vinh",
)
PLACES = {"en": _ENGLISH, "zh_TW": _TAIWANESE, "zh_CN": _MAINLAND, "vi_VN": _VIETNAMESE}
_NICKNAMES = {"James": "Jim", "Robert": "Bob", "William": "Bill", "Elizabeth": "Liz", "Michael": "Mike", "Susan": "Sue"}
_SIMPLIFIED = str.maketrans(
    "陳黃張劉楊許鄭謝賴蘇葉莊呂傑偉麗華國強嬌",
    "陈黄张刘杨许郑谢赖苏叶庄吕杰伟丽华国强娇",
)


@dataclass(frozen=True, slots=True)
class People:
    """Records, and the person behind each."""

    records: list[Record]
    persons: list[int]


def people(locale: str, count: int, seed: int) -> People:
    """`count` persons of a locale, a half of them recorded twice and some three times, with mistakes."""
    rnd = random.Random(f"{locale} {seed}")
    records, persons = [], []
    for person in range(count):
        original = _person(rnd, locale)
        for copy in range(rnd.choice([1, 1, 2, 3])):
            record = original
            for mistake in rnd.sample(_MISTAKES, rnd.choice([1, 2]) if copy else 0):
                record = mistake(rnd, record)
            records.append(record)
            persons.append(person)
    order = rnd.sample(range(len(records)), len(records))
    return People([records[each] for each in order], [persons[each] for each in order])


def namesakes(count: int) -> People:
    """`count` persons recorded twice each without a mistake; of every three two share their name, street and town."""
    records = [
        Record(
            given_name=_made_up(number % 70),
            family_name=_made_up(number % 70 + 31),
            birth_date=f"{1950 + number % 50}-{1 + number % 12:02}-{1 + number % 28:02}",
            street=f"{number} {_made_up(number % 70 + 7)} Road",
            city=_made_up(number % 70 + 17),
            postcode="10001",
        )
        for number in range(count)
    ]
    return People(records * 2, [*range(count)] * 2)


def _made_up(number: int) -> str:
    return "".join(_SYLLABLES[number * step % len(_SYLLABLES)] for step in (1, 11, 23)).capitalize()


def pair_scores(clusters: list[int], persons: list[int]) -> tuple[float, float]:
    """Precision and recall over pairs of records."""
    pairs = [(a, b) for a in range(len(persons)) for b in range(a)]
    same = {(a, b) for a, b in pairs if persons[a] == persons[b]}
    found = {(a, b) for a, b in pairs if clusters[a] == clusters[b]}
    right = len(same & found)
    return right / max(1, len(found)), right / max(1, len(same))


def _person(rnd: random.Random, locale: str) -> Record:
    given, family, street, city = (rnd.choice(part.split("|" if "|" in part else " ")) for part in PLACES[locale])
    house = rnd.randint(1, 300)
    cities = PLACES[locale][3].split("|" if "|" in PLACES[locale][3] else " ")
    born = date(1940, 1, 1) + timedelta(days=rnd.randrange(24_000))
    return Record(
        given_name=given,
        family_name=family,
        birth_date=born.isoformat(),
        street=f"{street}{house}號" if locale.startswith("zh") else f"{house} {street}",
        city=city,
        postcode=str(10_000 + 700 * cities.index(city) + rnd.randrange(40)),
    )


def _typed(rnd: random.Random, text: str) -> str:
    at = rnd.randrange(len(text))
    match rnd.randrange(3):
        case 0:
            return text[:at] + text[at + 1 :] if len(text) > 2 else text
        case 1:
            return text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
        case _:
            return text[:at] + rnd.choice(_LETTERS) + text[at + 1 :] if text.isascii() else text


def _misspelt(rnd: random.Random, record: Record) -> Record:
    return replace(record, given_name=_typed(rnd, record.given_name or "?"))


def _family_misspelt(rnd: random.Random, record: Record) -> Record:
    return replace(record, family_name=_typed(rnd, record.family_name or "?"))


def _other_writing(_rnd: random.Random, record: Record) -> Record:
    """A nickname, simplified characters, no diacritics."""
    names = [record.given_name or "", record.family_name or ""]
    names[0] = _NICKNAMES.get(names[0], names[0])
    plain = str.maketrans("ăâđêôơưáàảãạéèíìóòúùýỳ", "aadeoouaaaaaeeiioouuyy")
    given, family = (name.translate(_SIMPLIFIED).translate(plain) for name in names)
    return replace(record, given_name=given, family_name=family)


def _exchanged(_rnd: random.Random, record: Record) -> Record:
    return replace(record, given_name=record.family_name, family_name=record.given_name)


def _american_date(_rnd: random.Random, record: Record) -> Record:
    year, month, day = (record.birth_date or "1900-01-01").split("-")
    return replace(record, birth_date=f"{year}-{day}-{month}") if int(day) <= 12 else record


def _wrong_digit(rnd: random.Random, record: Record) -> Record:
    born = record.birth_date or "1900-01-01"
    return replace(record, birth_date=f"{born[:3]}{rnd.randrange(10)}{born[4:]}")


def _moved(rnd: random.Random, record: Record) -> Record:
    return replace(record, street=f"{rnd.randint(1, 300)} New Street", postcode=str(90_000 + rnd.randrange(9_000)))


def _half_known(_rnd: random.Random, record: Record) -> Record:
    return replace(record, postcode=None, city=None)


_MISTAKES: list[Mistake] = [
    *(_misspelt, _family_misspelt, _other_writing, _exchanged),
    *(_american_date, _wrong_digit, _moved, _half_known),
]

"""Family names that tell where a Chinese or Vietnamese name divides, in simplified characters or without diacritics."""

from typing import Final

# One character each; the Hundred Family Surnames and what censuses of China and Taiwan add to them.
CHINESE: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范"
    "金石廖贾夏韦付傅方白邹孟熊秦邱丘江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温庞施殷章葛洪欧俞柯詹翁游凌柳沙"
    "简赖涂凃巫卓童纪齐梅伍倪康庄易曲左鲁翟焦包甘祝霍司牛盛岳齐芦骆关辛管毕项聂谷耿申古阮蓝裘鲍费岑蒲卜尚卞穆路米鲜解应宗缪"
    "干喻储奚娄樊仇成单刁危屈舒闵席麻强池乔阴郁胥苍双闻翁荀羊甄曲家封芮羿靳汲邴糜松井富乌焦巴弓牧隗山车宓蓬全郗班仰秋仲伊宫"
    "宁仇栾暴甘钭厉戎祖符景詹束龙幸韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍卓蔺屠蒙池佟冼区佘阳劳楼车官苗冷房裴柴艾计郎匡帅粟鄢麦敖晏"
    "瞿尤刑邢连练初丛代党窦付盖桂国花华黄蹇荆景敬鞠阚况赖乐冷励梁廉旷占岩衣由原苑昝臧扎查迟褚楚淳戈哈寒杭衡候火纪晋母那南念"
)
_COMPOUND = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 "
    "太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 令狐 呼延 轩辕 百里 东郭 南门 西门 拓跋 完颜 "
    "纳兰 叶赫 第五 左丘 公良 梁丘 乐正 漆雕 巫马 闾丘"
)
COMPOUND: Final = frozenset(_COMPOUND.split())
# Compound or double family names of Taiwan and Hong Kong whose first character is a family name too.
_DOUBLE = "范姜 张简 张廖 叶刘 陈李 张许 周张 江谢 郭李 曾江"
DOUBLE: Final = frozenset(_DOUBLE.split())

# Readings as family names that differ from the usual reading of the character.
READINGS: Final = {
    "曾": "zeng", "单": "shan", "解": "xie", "仇": "qiu", "查": "zha", "区": "ou", "任": "ren",
    "盖": "ge", "朴": "piao", "翟": "zhai", "缪": "miao", "员": "yun", "乐": "yue", "覃": "qin",
    "冼": "xian", "宁": "ning", "尉迟": "yuchi", "万俟": "moqi", "长孙": "zhangsun", "澹台": "tantai", "鲜于": "xianyu",
    "宓": "mi", "繁": "po", "秘": "bi",
}  # fmt: skip

_VIETNAMESE = (
    "nguyen tran le pham huynh hoang phan vu vo dang bui do ho ngo duong ly dinh doan lam mai trinh dao cao ha luong "
    "luu thai ta to trieu vuong quach chau tang kieu lai ton nghiem phung khuc than la giang truong chu bach mac quan"
)
VIETNAMESE: Final = frozenset(_VIETNAMESE.split())

# Languages whose speakers put the family name first.
FAMILY_FIRST: Final = frozenset({"zh", "vi", "ja", "ko", "hu", "yue", "nan", "cmn", "hak"})
CHINESE_LANGUAGES: Final = frozenset({"zh", "yue", "nan", "cmn", "hak", "wuu"})
CHINESE_COUNTRIES: Final = frozenset({"CN", "TW", "HK", "MO"})
# Languages in which two words are a given and a family name, in this order.
_GIVEN_FIRST = "en de fr nl it sv da nb nn no fi pl cs sk ga"
GIVEN_FIRST: Final = frozenset(_GIVEN_FIRST.split())

# Words that begin a family name of several words.
_PARTICLES = "van von der den de del della di da dos das du la le ter ten zu zum zur af av bin ibn al el bint mac mc o"
PARTICLES: Final = frozenset(_PARTICLES.split())

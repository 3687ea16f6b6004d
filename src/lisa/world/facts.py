"""What is known of every kind: one row each. Adding a kind is one drawing function and one row here.

A row is data, no logic. How its columns become sentences:

    uses    ("cut bread", "A knife has a sharp blade.")  →  What can I use to cut bread?  …  A knife has a sharp blade.
    traits  "grows on trees"                             →  What grows on trees?  …  An orange grows on trees.
    also    "cut bread"                                  →  arguably so: never asked for, but blocks "the only one"
    values  vitamin_c=53                                 →  Which food has the most vitamin C?
    …_zh    the same in Chinese, in the same order: 榨橙汁  →  什么可以用来榨橙汁？

The vitamin, sugar, protein and fat of food are per 100 g (USDA, rounded); weight in kg, speed in km/h, price in euro
are typical orders of magnitude, used only where one candidate is far ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

Use = tuple[str, str]
"""What one does with it ("cut bread"), and a sentence that says why it serves."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of thing."""

    name: str
    zh: str
    category: str
    """One of `CATEGORIES`."""
    groups: tuple[str, ...] = ()
    """Narrower categories, such as "fruit"."""
    plural: str | None = None
    """None where instances are not counted ("bread")."""
    number: str = "one"
    """"one", "mass" ("some bread") or "plural" ("the scissors are")."""
    uses: tuple[Use, ...] = ()
    traits: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    measure: str = "个"
    """The word that Chinese counts it with: 一把椅子."""
    uses_zh: tuple[Use, ...] = ()
    traits_zh: tuple[str, ...] = ()
    facts_zh: tuple[str, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    colours: tuple[str, ...] = ()
    """Colours of its own, where it does not come in colours."""
    home: str = "any"
    """"in" or "out" where it would be odd to find it elsewhere."""
    contains: tuple[str, ...] = ()
    """Kinds that are drawn as a part of it: a cake has a cherry."""

    @property
    def a(self) -> str:
        """With its article: "an orange", "some bread", "scissors"."""
        if self.number == "plural":
            return self.name
        return f"some {self.name}" if self.number == "mass" else with_article(self.name)

    @property
    def general(self) -> str:
        """As the subject of a general sentence: "An orange", "Bread"."""
        word = self.name if self.number != "one" else with_article(self.name)
        return word[0].upper() + word[1:]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that an explanation may say of it."""
        return (*(why for _, why in self.uses), *(self.says(t) for t in self.traits), *self.facts)

    @property
    def sentences_zh(self) -> tuple[str, ...]:
        """The same in Chinese."""
        return (*(why for _, why in self.uses_zh), *(f"{self.zh}{t}。" for t in self.traits_zh), *self.facts_zh)

    def says(self, trait: str) -> str:
        """The sentence of one trait."""
        return f"{self.general} {trait}."

    def could(self, what: str) -> bool:
        """Whether this use or trait is its own, or arguably so."""
        return what in self.also or what in self.traits or any(do == what for do, _ in self.uses)

    def is_a(self, group: str) -> bool:
        """Whether it belongs to this category or narrower group."""
        return group == self.category or group in self.groups


def with_article(noun: str) -> str:
    """ "an orange", "a cup"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


CATEGORIES: dict[str, tuple[str, str]] = {
    "food": ("food", "食物"),
    "person": ("people", "人"),
    "animal": ("animals", "动物"),
    "vehicle": ("vehicles", "交通工具"),
    "tool": ("tools", "工具"),
    "toy": ("toys", "玩具"),
    "furniture": ("furniture", "家具"),
    "tableware": ("dishes and cutlery", "餐具"),
    "plant": ("plants", "植物"),
    "other": ("things", "东西"),
}
"""Category → its plural, and its Chinese name."""

COLOURS_ZH: dict[str, str] = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
    "black": "黑色",
    "white": "白色",
    "grey": "灰色",
}
HAIR_ZH: dict[str, str] = COLOURS_ZH | {"blond": "金色"}
PATTERNS_ZH: dict[str, str] = {"striped": "条纹", "dotted": "圆点", "checked": "格子"}
GROUPS_ZH: dict[str, str] = {
    "thing": "东西",
    "fruit": "水果",
    "vegetable": "蔬菜",
    "drink": "饮料",
    "cutlery": "餐具",
    "lens": "镜头",
    "pet": "宠物",
    "farm animal": "农场动物",
    "bird": "鸟类",
    "seat": "座椅",
    "adult": "大人",
    "child": "孩子",
}
"""The narrower categories, and the word for anything."""


def _row(name: str, zh: str, category: str, *, plural: str | None = "", **rest: object) -> Row:
    regular = name + ("es" if name.endswith(("s", "ch", "sh", "x")) else "s")
    return Row(name=name, zh=zh, category=category, plural=regular if plural == "" else plural, **rest)  # type: ignore[arg-type]


def _food(c: float, sugar: float, protein: float, fat: float) -> dict[str, float]:
    return {"vitamin_c": c, "sugar": sugar, "protein": protein, "fat": fat}


_FOOD: tuple[Row, ...] = (
    _row(
        "orange",
        "橙子",
        "food",
        groups=("fruit",),
        colours=("orange",),
        values=_food(53, 9, 0.9, 0.1),
        uses=(("make orange juice", "An orange is full of sweet juice."),),
        uses_zh=(("榨橙汁", "橙子里有很多甜甜的汁水。"),),
        traits=("grows on trees",),
        traits_zh=("长在树上",),
        also=("is peeled before one eats it",),
        facts=("An orange is rich in vitamin C.",),
        facts_zh=("橙子含有丰富的维生素C。",),
    ),
    _row(
        "apple",
        "苹果",
        "food",
        groups=("fruit",),
        values=_food(4.6, 10, 0.3, 0.2),
        uses=(("bake an apple pie", "An apple pie is made from apples."),),
        uses_zh=(("烤苹果派", "苹果派是用苹果做的。"),),
        traits=("grows on trees",),
        traits_zh=("长在树上",),
        facts=("An apple is a healthy snack.",),
        facts_zh=("苹果是健康的零食。",),
    ),
    _row(
        "banana",
        "香蕉",
        "food",
        measure="根",
        groups=("fruit",),
        colours=("yellow",),
        values=_food(8.7, 12, 1.1, 0.3),
        traits=("is loved by monkeys", "is peeled before one eats it"),
        traits_zh=("是猴子爱吃的", "要先剥皮再吃"),
        also=("grows on trees",),
        facts=("A banana is soft and sweet.",),
        facts_zh=("香蕉又软又甜。",),
    ),
    _row(
        "lemon",
        "柠檬",
        "food",
        groups=("fruit",),
        colours=("yellow",),
        values=_food(53, 2.5, 1.1, 0.3),
        uses=(("make lemonade", "Lemonade is made with the juice of a lemon."),),
        uses_zh=(("做柠檬水", "柠檬水是用柠檬汁做的。"),),
        traits=("tastes very sour", "grows on trees"),
        traits_zh=("尝起来很酸", "长在树上"),
        also=("is peeled before one eats it",),
        facts=("A lemon is rich in vitamin C.",),
        facts_zh=("柠檬含有丰富的维生素C。",),
    ),
    _row(
        "carrot",
        "胡萝卜",
        "food",
        measure="根",
        groups=("vegetable",),
        colours=("orange",),
        values=_food(5.9, 4.7, 0.9, 0.2),
        uses=(("feed a rabbit", "Rabbits like to eat carrots."),),
        uses_zh=(("喂兔子", "兔子喜欢吃胡萝卜。"),),
        traits=("grows under the ground", "is loved by rabbits"),
        traits_zh=("长在地下", "是兔子爱吃的"),
        facts=("A carrot is good for the eyes.",),
        facts_zh=("胡萝卜对眼睛好。",),
    ),
    _row(
        "chilli",
        "辣椒",
        "food",
        groups=("vegetable",),
        plural="chillies",
        values=_food(144, 5, 2, 0.4),
        uses=(("make a dish very spicy", "A chilli burns in the mouth."),),
        uses_zh=(("让菜变得很辣", "辣椒吃到嘴里火辣辣的。"),),
        traits=("tastes very hot",),
        traits_zh=("尝起来很辣",),
        facts=("A chilli burns in the mouth.",),
        facts_zh=("辣椒吃到嘴里火辣辣的。",),
    ),
    _row(
        "bread",
        "面包",
        "food",
        measure="块",
        number="mass",
        plural=None,
        colours=("brown",),
        values=_food(0, 5, 9, 3.2),
        uses=(("make a sandwich", "A sandwich is made with bread."),),
        uses_zh=(("做三明治", "三明治是用面包做的。"),),
        traits=("is baked from flour",),
        traits_zh=("是用面粉烤的",),
        facts=("Bread is baked in an oven.",),
        facts_zh=("面包是在烤箱里烤出来的。",),
    ),
    _row(
        "cheese",
        "奶酪",
        "food",
        measure="块",
        number="mass",
        plural=None,
        colours=("yellow",),
        values=_food(0, 0.5, 25, 33),
        traits=("is made from milk", "is loved by mice"),
        traits_zh=("是用牛奶做的", "是老鼠爱吃的"),
        also=("melts in the sun", "make a sandwich"),
        facts=("Cheese is rich in fat and protein.",),
        facts_zh=("奶酪含有丰富的脂肪和蛋白质。",),
    ),
    _row(
        "egg",
        "鸡蛋",
        "food",
        values=_food(0, 0.4, 13, 10),
        uses=(("make an omelette", "An omelette is made from eggs."),),
        uses_zh=(("做煎蛋卷", "煎蛋卷是用鸡蛋做的。"),),
        traits=("comes from a hen",),
        traits_zh=("是母鸡下的",),
        also=("is peeled before one eats it",),
        facts=("An egg is rich in protein.",),
        facts_zh=("鸡蛋含有丰富的蛋白质。",),
    ),
    _row(
        "cake",
        "蛋糕",
        "food",
        values=_food(0, 36, 5, 15),
        contains=("cherry", "plate"),
        uses=(("celebrate a birthday", "A cake is sweet and eaten at birthdays."),),
        uses_zh=(("庆祝生日", "蛋糕很甜，过生日时要吃蛋糕。"),),
        traits=("is eaten at birthdays",),
        traits_zh=("是过生日时吃的",),
        also=("is baked from flour", "is made from milk", "surprise a friend"),
        facts=("A cake has a lot of sugar.",),
        facts_zh=("蛋糕里有很多糖。",),
    ),
    _row(
        "cherry",
        "樱桃",
        "food",
        measure="颗",
        groups=("fruit",),
        plural="cherries",
        colours=("red",),
        values=_food(7, 13, 1, 0.2),
        traits=("grows on trees", "has a small stone inside"),
        traits_zh=("长在树上", "里面有一个小核"),
        facts=("A cherry has a stone inside.",),
        facts_zh=("樱桃里面有核。",),
    ),
    _row(
        "milk",
        "牛奶",
        "food",
        measure="杯",
        groups=("drink",),
        number="mass",
        plural=None,
        values=_food(0, 5, 3.4, 3.3),
        uses=(("drink something white", "Milk is a white drink."),),
        uses_zh=(("做一杯白色的饮料", "牛奶是白色的饮料。"),),
        traits=("comes from a cow", "is good for the bones"),
        traits_zh=("是牛产的", "对骨头好"),
        facts=("Milk is good for the bones.",),
        facts_zh=("牛奶对骨头好。",),
    ),
    _row(
        "chocolate",
        "巧克力",
        "food",
        measure="块",
        number="mass",
        plural=None,
        values=_food(0, 50, 7, 30),
        traits=("is made from cocoa", "melts in the sun"),
        traits_zh=("是用可可做的", "在太阳下会化"),
        also=("is made from milk", "surprise a friend"),
        facts=("Chocolate has a lot of sugar.",),
        facts_zh=("巧克力里有很多糖。",),
    ),
    _row(
        "fish",
        "鱼",
        "food",
        measure="条",
        plural="fish",
        values=_food(1, 0, 20, 6),
        colours=("blue", "grey"),
        traits=("lives in water", "has fins"),
        traits_zh=("生活在水里", "长着鳍"),
        also=("lays eggs", "can swim"),
        facts=("A fish breathes in water.",),
        facts_zh=("鱼在水里呼吸。",),
    ),
)

_KITCHEN: tuple[Row, ...] = (
    _row(
        "cup",
        "杯子",
        "tableware",
        uses=(("drink tea", "A cup holds a hot drink."),),
        uses_zh=(("喝茶", "杯子可以装热饮料。"),),
        also=("carry water", "hold soup"),
        values={"price": 5},
        facts=("A cup has a handle to hold it.",),
        facts_zh=("杯子有把手，可以用手拿着。",),
    ),
    _row(
        "bowl",
        "碗",
        "tableware",
        uses=(("hold soup", "A bowl is deep, so soup stays in it."),),
        uses_zh=(("盛汤", "碗很深，汤不会流出来。"),),
        also=("carry water", "serve food", "drink tea"),
        values={"price": 6},
    ),
    _row(
        "plate",
        "盘子",
        "tableware",
        uses=(("serve food", "A plate is flat and clean."),),
        uses_zh=(("装菜", "盘子又平又干净。"),),
        also=("hold soup",),
        values={"price": 6},
    ),
    _row(
        "knife",
        "刀",
        "tableware",
        measure="把",
        plural="knives",
        groups=("cutlery",),
        colours=("grey", "brown"),
        uses=(("cut bread", "A knife has a sharp blade."), ("peel fruit", "A knife has a sharp blade.")),
        uses_zh=(("切面包", "刀有锋利的刀刃。"), ("削水果皮", "刀有锋利的刀刃。")),
        traits=("is sharp",),
        traits_zh=("很锋利",),
        also=("cut paper", "cut wood", "turn a screw"),
        facts=("A knife can hurt the fingers.",),
        facts_zh=("刀可能会割伤手指。",),
    ),
    _row(
        "fork",
        "叉子",
        "tableware",
        measure="把",
        groups=("cutlery",),
        colours=("grey",),
        uses=(("eat noodles", "A fork has points that pick up food."),),
        uses_zh=(("吃面条", "叉子有尖齿，可以挑起食物。"),),
        also=("is sharp", "eat soup"),
        facts=("A fork has four points.",),
        facts_zh=("叉子有四个尖齿。",),
    ),
    _row(
        "spoon",
        "勺子",
        "tableware",
        measure="把",
        groups=("cutlery",),
        colours=("grey",),
        uses=(("eat soup", "A spoon can hold liquid."), ("stir tea", "A spoon stirs a drink.")),
        uses_zh=(("喝汤", "勺子能盛汤水。"), ("搅拌茶水", "勺子可以搅拌饮料。")),
        also=("eat noodles", "dig a hole"),
    ),
    _row(
        "kettle",
        "水壶",
        "other",
        uses=(("boil water", "A kettle heats water."), ("make tea", "Tea needs hot water.")),
        uses_zh=(("烧水", "水壶可以把水烧热。"), ("泡茶", "泡茶要用热水。")),
        also=("carry water", "cook food", "water the flowers", "needs electricity"),
        values={"price": 30},
        facts=("A kettle can be very hot.",),
        facts_zh=("水壶可能会很烫。",),
    ),
    _row(
        "pan",
        "平底锅",
        "other",
        measure="口",
        colours=("black", "grey"),
        uses=(("fry an egg", "A pan gets hot on the stove."), ("cook food", "A pan gets hot on the stove.")),
        uses_zh=(("煎鸡蛋", "平底锅在炉子上会变热。"), ("做饭", "平底锅在炉子上会变热。")),
        also=("boil water", "hold soup", "carry water"),
        values={"price": 30},
    ),
    _row(
        "bottle",
        "瓶子",
        "other",
        uses=(("keep a drink for later", "A bottle can be closed."),),
        uses_zh=(("把饮料留到以后喝", "瓶子可以盖紧。"),),
        also=("carry water", "drink tea", "water the flowers", "floats on water", "is made of glass"),
    ),
)

_HOME: tuple[Row, ...] = (
    _row(
        "sink",
        "洗手池",
        "furniture",
        home="in",
        values={"price": 100},
        colours=("white",),
        uses=(("wash the hands", "A sink holds the water for washing."),),
        uses_zh=(("洗手", "洗手池可以装洗手用的水。"),),
        also=("wash the whole body", "carry water"),
        facts=("Water runs out at the bottom of a sink.",),
        facts_zh=("水从洗手池的底部流走。",),
    ),
    _row(
        "tap",
        "水龙头",
        "other",
        home="in",
        values={"price": 50},
        colours=("grey",),
        uses=(("get water", "Water comes out of a tap."),),
        uses_zh=(("把水放出来", "水从水龙头里流出来。"),),
        traits=("lets the water out",),
        traits_zh=("能让水流出来",),
        also=("wash the hands", "water the flowers", "put out a fire", "gives water to firefighters", "boil water"),
    ),
    _row(
        "toothbrush",
        "牙刷",
        "other",
        measure="把",
        plural="toothbrushes",
        home="in",
        uses=(("clean the teeth", "A toothbrush has soft hair that cleans the teeth."),),
        uses_zh=(("刷牙", "牙刷有软毛，能把牙齿刷干净。"),),
        also=("paint a wall",),
    ),
    _row(
        "soap",
        "肥皂",
        "other",
        measure="块",
        number="mass",
        plural=None,
        home="in",
        uses=(("make dirty hands clean", "Soap takes away the dirt."),),
        uses_zh=(("把脏手洗干净", "肥皂能洗掉脏东西。"),),
        traits=("makes bubbles",),
        traits_zh=("会起泡泡",),
        also=("wash the hands", "wash the whole body"),
    ),
    _row(
        "towel",
        "毛巾",
        "other",
        measure="条",
        home="in",
        uses=(("dry wet hands", "A towel takes up the water."),),
        uses_zh=(("擦干湿手", "毛巾能吸水。"),),
    ),
    _row(
        "mirror",
        "镜子",
        "furniture",
        measure="面",
        home="in",
        values={"price": 60},
        uses=(("look at one's own face", "A mirror shows what is in front of it."),),
        uses_zh=(("照自己的脸", "镜子能照出前面的东西。"),),
        traits=("is made of glass",),
        traits_zh=("是玻璃做的",),
    ),
    _row(
        "bathtub",
        "浴缸",
        "furniture",
        home="in",
        values={"price": 400},
        colours=("white",),
        uses=(("wash the whole body", "A bathtub is big enough for a person."),),
        uses_zh=(("泡澡", "浴缸很大，装得下一个人。"),),
        also=("carry water", "wash the hands", "sit down"),
    ),
    _row(
        "sofa",
        "沙发",
        "furniture",
        measure="张",
        home="in",
        values={"price": 800},
        groups=("seat",),
        uses=(("take a nap", "A sofa is long and soft."), ("sit down", "People sit on a sofa.")),
        uses_zh=(("小睡一会儿", "沙发又长又软。"), ("坐下休息", "人们坐在沙发上。")),
        also=("stand higher",),
    ),
    _row(
        "chair",
        "椅子",
        "furniture",
        measure="把",
        groups=("seat",),
        values={"price": 60},
        uses=(("sit down", "People sit on a chair."),),
        uses_zh=(("坐下休息", "人们坐在椅子上。"),),
        also=("stand higher", "take a nap"),
    ),
    _row(
        "table",
        "桌子",
        "furniture",
        measure="张",
        values={"price": 200},
        colours=("brown",),
        uses=(("have dinner with the family", "A table has room for many plates."),),
        uses_zh=(("和家人一起吃晚饭", "桌子上放得下很多盘子。"),),
        also=("stand higher", "serve food", "sit down"),
    ),
    _row(
        "lamp",
        "灯",
        "other",
        measure="盏",
        home="in",
        values={"price": 40},
        uses=(("read in the dark", "A lamp gives light."),),
        uses_zh=(("在黑暗中看书", "灯能发光。"),),
        traits=("gives light", "needs electricity"),
        traits_zh=("能发光", "需要用电"),
    ),
    _row(
        "clock",
        "时钟",
        "other",
        home="in",
        values={"price": 20},
        uses=(("know what time it is", "A clock shows the hours and minutes."),),
        uses_zh=(("看现在几点", "时钟能显示几点几分。"),),
        traits=("shows the time",),
        traits_zh=("能显示时间",),
        also=("needs electricity",),
    ),
    _row(
        "book",
        "书",
        "other",
        measure="本",
        values={"price": 15},
        uses=(("read a story", "A book has many pages to read."),),
        uses_zh=(("读故事", "书有很多页可以读。"),),
        traits=("has pages",),
        traits_zh=("有很多页",),
        also=("surprise a friend",),
    ),
    _row(
        "television",
        "电视",
        "other",
        measure="台",
        home="in",
        values={"price": 500},
        uses=(("watch a film", "A television shows films."),),
        uses_zh=(("看电影", "电视可以播放电影。"),),
        traits=("needs electricity",),
        traits_zh=("需要用电",),
        also=("gives light", "shows the time", "makes music"),
        colours=("black",),
    ),
    _row(
        "plant",
        "盆栽",
        "plant",
        measure="盆",
        values={"price": 15},
        colours=("green",),
        traits=("needs water to grow",),
        traits_zh=("需要水才能长大",),
        also=("gives shade", "surprise a friend", "loses its leaves in autumn"),
        facts=("A plant needs light and water.",),
        facts_zh=("盆栽需要光和水。",),
    ),
    _row(
        "vase",
        "花瓶",
        "other",
        home="in",
        values={"price": 20},
        uses=(("keep cut flowers fresh", "A vase holds water for flowers."),),
        uses_zh=(("让剪下的花保持新鲜", "花瓶可以装水养花。"),),
        also=("carry water", "water the flowers", "is made of glass", "keep a drink for later"),
    ),
    _row(
        "cat",
        "猫",
        "animal",
        measure="只",
        groups=("pet",),
        values={"weight": 4.5, "speed": 48},
        traits=("purrs", "catches mice", "lives with people as a pet"),
        traits_zh=("会发出呼噜声", "会抓老鼠", "作为宠物和人住在一起"),
        facts=("A cat likes to sleep.",),
        facts_zh=("猫喜欢睡觉。",),
    ),
    _row(
        "candle",
        "蜡烛",
        "other",
        measure="支",
        home="in",
        values={"price": 3},
        traits=("is made of wax", "gives light"),
        traits_zh=("是蜡做的", "能发光"),
        also=("read in the dark", "melts in the sun", "celebrate a birthday"),
        facts=("A candle can start a fire.",),
        facts_zh=("蜡烛可能会引起火灾。",),
    ),
    _row(
        "guitar",
        "吉他",
        "other",
        measure="把",
        values={"price": 300},
        colours=("brown", "orange"),
        uses=(("play a song", "A guitar makes music."),),
        uses_zh=(("弹一首歌", "吉他能弹出音乐。"),),
        traits=("has strings", "makes music"),
        traits_zh=("有琴弦", "能弹出音乐"),
    ),
    _row(
        "phone",
        "手机",
        "other",
        measure="部",
        values={"price": 500},
        colours=("black",),
        uses=(("call a friend", "A phone lets you talk to people far away."),),
        uses_zh=(("给朋友打电话", "用手机可以和远方的人说话。"),),
        traits=("needs electricity",),
        traits_zh=("需要用电",),
        also=(
            "take a photo",
            "watch a film",
            "read a story",
            "makes music",
            "shows the time",
            "gives light",
            "know what time it is",
            "read in the dark",
            "play a song",
        ),
    ),
    _row(
        "laptop",
        "笔记本电脑",
        "other",
        measure="台",
        values={"price": 900},
        colours=("grey",),
        uses=(("write an email", "A laptop has a keyboard and a screen."),),
        uses_zh=(("写电子邮件", "笔记本电脑有键盘和屏幕。"),),
        traits=("needs electricity",),
        traits_zh=("需要用电",),
        also=(
            "watch a film",
            "call a friend",
            "read a story",
            "makes music",
            "shows the time",
            "gives light",
            "know what time it is",
            "take a photo",
            "play a song",
        ),
    ),
    _row(
        "key",
        "钥匙",
        "other",
        measure="把",
        uses=(("open a locked door", "A key turns the lock."),),
        uses_zh=(("打开锁着的门", "钥匙能转动锁。"),),
        colours=("yellow",),
    ),
    _row(
        "gift",
        "礼物",
        "other",
        measure="份",
        uses=(("surprise a friend", "A gift is a nice surprise."),),
        uses_zh=(("给朋友一个惊喜", "礼物是让人高兴的惊喜。"),),
        also=("celebrate a birthday",),
        facts=("A gift is wrapped in paper.",),
        facts_zh=("礼物用纸包着。",),
    ),
)

_NURSERY: tuple[Row, ...] = (
    _row(
        "fence",
        "围栏",
        "other",
        measure="道",
        values={"price": 60},
        uses=(("keep a baby in a safe place", "A fence stops a baby from crawling away."),),
        uses_zh=(("让婴儿待在安全的地方", "围栏不让婴儿爬走。"),),
        facts=("A fence is a barrier that nobody walks through.",),
        facts_zh=("围栏挡住了路，谁也走不过去。",),
    ),
    _row(
        "teddy",
        "泰迪熊",
        "toy",
        measure="只",
        plural="teddies",
        colours=("brown",),
        home="in",
        uses=(("cuddle in bed", "A teddy is soft."),),
        uses_zh=(("抱着睡觉", "泰迪熊软软的。"),),
    ),
    _row(
        "ball",
        "球",
        "toy",
        uses=(("play football", "A ball can be kicked."),),
        uses_zh=(("踢足球", "球可以用脚踢。"),),
        traits=("bounces",),
        traits_zh=("会弹起来",),
        also=("floats on water",),
    ),
    _row(
        "blocks",
        "积木",
        "toy",
        measure="堆",
        number="plural",
        plural=None,
        home="in",
        uses=(("build a toy tower", "Blocks can be put on top of each other."),),
        uses_zh=(("搭玩具塔", "积木可以一块一块往上搭。"),),
    ),
)

_STREET: tuple[Row, ...] = (
    _row(
        "car",
        "汽车",
        "vehicle",
        measure="辆",
        home="out",
        values={"weight": 1400, "speed": 180, "price": 20000},
        uses=(("drive a family to another city", "A car takes a few people far."),),
        uses_zh=(("载一家人去另一个城市", "汽车能载几个人去远处。"),),
        traits=("has an engine",),
        traits_zh=("有发动机",),
        also=("gives light", "carries many people", "needs electricity", "sit down"),
    ),
    _row(
        "bus",
        "公共汽车",
        "vehicle",
        measure="辆",
        plural="buses",
        home="out",
        values={"weight": 12000, "speed": 100, "price": 200000},
        uses=(("take a whole class on a trip", "A bus has many seats."),),
        uses_zh=(("带全班同学去郊游", "公共汽车有很多座位。"),),
        traits=("has an engine", "carries many people"),
        traits_zh=("有发动机", "能载很多人"),
        also=("gives light", "drive a family to another city", "needs electricity", "sit down"),
    ),
    _row(
        "bicycle",
        "自行车",
        "vehicle",
        measure="辆",
        home="out",
        values={"weight": 14, "speed": 25, "price": 400},
        uses=(("travel without an engine", "A bicycle is moved with the feet."),),
        uses_zh=(("不靠发动机出行", "自行车是用脚蹬着走的。"),),
        traits=("has two wheels and no engine",),
        traits_zh=("有两个轮子但没有发动机",),
        also=("carries a rider",),
    ),
    _row(
        "traffic light",
        "红绿灯",
        "other",
        home="out",
        traits=("tells drivers to stop", "changes from red to green"),
        traits_zh=("会告诉司机停车", "会从红变绿"),
        also=("gives light", "needs electricity"),
        facts=("Red means stop and green means go.",),
        facts_zh=("红灯停，绿灯行。",),
    ),
    _row(
        "stop sign",
        "停车标志",
        "other",
        measure="块",
        home="out",
        traits=("tells drivers to stop",),
        traits_zh=("会告诉司机停车",),
        colours=("red",),
        facts=("At a stop sign every car must stop.",),
        facts_zh=("看到停车标志，每辆车都必须停下。",),
    ),
    _row(
        "tree",
        "树",
        "plant",
        measure="棵",
        home="out",
        colours=("green",),
        traits=("loses its leaves in autumn", "needs water to grow", "gives shade"),
        traits_zh=("秋天会落叶", "需要水才能长大", "能带来阴凉"),
        also=("stand higher",),
        facts=("A tree gives wood and shade.",),
        facts_zh=("树给我们木头和树荫。",),
    ),
    _row(
        "bench",
        "长椅",
        "furniture",
        measure="张",
        plural="benches",
        groups=("seat",),
        values={"price": 150},
        colours=("brown",),
        uses=(("sit down", "People sit on a bench."),),
        uses_zh=(("坐下休息", "人们坐在长椅上。"),),
        also=("stand higher", "take a nap"),
    ),
    _row(
        "dog",
        "狗",
        "animal",
        measure="只",
        groups=("pet",),
        values={"weight": 25, "speed": 45},
        uses=(("guard the house", "A dog barks at strangers."),),
        uses_zh=(("看家", "狗会对着陌生人叫。"),),
        traits=("barks", "lives with people as a pet"),
        traits_zh=("会汪汪叫", "作为宠物和人住在一起"),
        facts=("A dog can smell very well.",),
        facts_zh=("狗的鼻子很灵。",),
    ),
    _row(
        "fire hydrant",
        "消防栓",
        "other",
        home="out",
        colours=("red",),
        uses=(("put out a fire", "A fire hydrant gives water for the fire hose."),),
        uses_zh=(("灭火", "消防栓给消防水管供水。"),),
        traits=("gives water to firefighters",),
        traits_zh=("给消防员供水",),
        also=("get water", "lets the water out"),
    ),
    _row(
        "bin",
        "垃圾桶",
        "other",
        uses=(("throw rubbish away", "A bin is made for rubbish."),),
        uses_zh=(("扔垃圾", "垃圾桶是用来装垃圾的。"),),
        values={"price": 30},
        also=("carry water", "store old things"),
    ),
)

_CAR: tuple[Row, ...] = (
    _row(
        "steering wheel",
        "方向盘",
        "other",
        home="out",
        uses=(("turn the car left or right", "A steering wheel turns the front wheels."),),
        uses_zh=(("让车向左或向右转", "方向盘能让前轮转向。"),),
        colours=("black",),
    ),
    _row(
        "speedometer",
        "速度表",
        "other",
        home="out",
        uses=(("know how fast the car is", "A speedometer shows the speed."),),
        uses_zh=(("看车开得有多快", "速度表能显示速度。"),),
        traits=("shows the speed",),
        traits_zh=("能显示速度",),
    ),
    _row(
        "fuel gauge",
        "油量表",
        "other",
        home="out",
        uses=(("know how much fuel is left", "A fuel gauge shows how full the tank is."),),
        uses_zh=(("看还剩多少油", "油量表能显示油箱里还有多少油。"),),
        traits=("shows how full the tank is",),
        traits_zh=("能显示油箱里还有多少油",),
    ),
)

_STUDIO: tuple[Row, ...] = (
    _row(
        "camera",
        "相机",
        "other",
        measure="台",
        values={"price": 700},
        colours=("black",),
        uses=(("take a photo", "A camera takes photos."),),
        uses_zh=(("拍照片", "相机可以拍照片。"),),
        also=("needs electricity", "is made of glass"),
    ),
    _row(
        "short lens",
        "短镜头",
        "other",
        plural="short lenses",
        values={"price": 300},
        groups=("lens",),
        uses=(("take a photo of near objects", "A short lens has a wide view for near objects."),),
        uses_zh=(("拍近处的东西", "短镜头看得宽，适合拍近处的东西。"),),
        also=("is made of glass", "take a photo"),
        colours=("black",),
    ),
    _row(
        "long lens",
        "长镜头",
        "other",
        plural="long lenses",
        values={"price": 800},
        groups=("lens",),
        uses=(("take a photo of far objects", "A long lens makes far objects look larger."),),
        uses_zh=(("拍远处的东西", "长镜头能让远处的东西看起来更大。"),),
        also=("is made of glass", "take a photo"),
        colours=("white", "black"),
    ),
    _row(
        "tripod",
        "三脚架",
        "other",
        values={"price": 60},
        colours=("black",),
        uses=(("hold a camera still", "A tripod stands firmly on three legs."),),
        uses_zh=(("固定相机", "三脚架用三条腿站得很稳。"),),
        traits=("has three legs",),
        traits_zh=("有三条腿",),
    ),
)

_HEIGHT: tuple[Row, ...] = (
    _row(
        "ladder",
        "梯子",
        "tool",
        measure="架",
        values={"price": 80},
        uses=(
            ("climb up to a roof", "A ladder has steps that lead up."),
            ("stand higher", "A ladder has steps that lead up."),
        ),
        uses_zh=(
            ("爬上屋顶", "梯子有一级一级的横档，可以往上爬。"),
            ("站得高一点", "梯子有一级一级的横档，可以往上爬。"),
        ),
        also=("sit down",),
        colours=("brown", "yellow"),
    ),
    _row(
        "stool",
        "凳子",
        "furniture",
        groups=("seat",),
        values={"price": 30},
        uses=(("stand higher", "A stool is a firm place to stand on."),),
        uses_zh=(("站得高一点", "凳子很稳，可以站在上面。"),),
        also=("sit down", "has three legs"),
    ),
    _row(
        "box",
        "箱子",
        "other",
        plural="boxes",
        colours=("brown",),
        uses=(("store old things", "A box can be filled and closed."),),
        uses_zh=(("存放旧东西", "箱子可以装满东西，再盖上。"),),
        also=("stand higher", "sit down", "surprise a friend", "floats on water"),
    ),
)

_GARDEN: tuple[Row, ...] = (
    _row(
        "flower",
        "花",
        "plant",
        measure="朵",
        values={"price": 3},
        traits=("smells sweet", "needs water to grow"),
        traits_zh=("闻起来很香", "需要水才能长大"),
        also=("surprise a friend",),
        facts=("Bees fly to a flower.",),
        facts_zh=("蜜蜂会飞到花上。",),
    ),
    _row(
        "watering can",
        "喷壶",
        "tool",
        measure="把",
        values={"price": 15},
        uses=(("water the flowers", "A watering can pours water gently."),),
        uses_zh=(("浇花", "喷壶能轻轻地洒水。"),),
        also=("carry water",),
    ),
    _row(
        "shovel",
        "铁锹",
        "tool",
        measure="把",
        values={"price": 20},
        uses=(("dig a hole", "A shovel moves the soil."),),
        uses_zh=(("挖坑", "铁锹能铲土。"),),
    ),
    _row(
        "rake",
        "耙子",
        "tool",
        measure="把",
        values={"price": 20},
        uses=(("collect fallen leaves", "A rake pulls leaves together."),),
        uses_zh=(("收集落叶", "耙子能把树叶耙到一起。"),),
        also=("dig a hole",),
    ),
    _row(
        "umbrella",
        "伞",
        "other",
        measure="把",
        values={"price": 15},
        uses=(("stay dry in the rain", "An umbrella keeps the rain off."),),
        uses_zh=(("防止被雨淋湿", "伞可以挡雨。"),),
        traits=("gives shade",),
        traits_zh=("能带来阴凉",),
        also=("protect the head from the sun",),
        facts=("An umbrella gives shade in the sun.",),
        facts_zh=("出太阳时，伞能带来阴凉。",),
    ),
    _row(
        "hat",
        "帽子",
        "other",
        measure="顶",
        values={"price": 20},
        uses=(("protect the head from the sun", "A hat gives shade to the head."),),
        uses_zh=(("给头遮太阳", "帽子能给头遮阴。"),),
        traits=("is worn on the head",),
        traits_zh=("戴在头上",),
        also=("gives shade", "stay dry in the rain"),
    ),
    _row(
        "hammer",
        "锤子",
        "tool",
        measure="把",
        values={"price": 15},
        colours=("grey", "brown"),
        uses=(("drive a nail into wood", "A hammer has a heavy head."),),
        uses_zh=(("把钉子钉进木头", "锤子的头很重。"),),
    ),
    _row(
        "saw",
        "锯子",
        "tool",
        measure="把",
        values={"price": 20},
        colours=("grey", "brown"),
        uses=(("cut wood", "A saw has sharp teeth."),),
        uses_zh=(("锯木头", "锯子有锋利的锯齿。"),),
        also=("is sharp", "cut bread"),
    ),
    _row(
        "screwdriver",
        "螺丝刀",
        "tool",
        measure="把",
        values={"price": 8},
        uses=(("turn a screw", "A screwdriver fits into the head of a screw."),),
        uses_zh=(("拧螺丝", "螺丝刀能卡进螺丝头里。"),),
        also=("is sharp",),
    ),
    _row(
        "scissors",
        "剪刀",
        "tool",
        measure="把",
        number="plural",
        plural=None,
        values={"price": 8},
        uses=(("cut paper", "Scissors have two sharp blades."),),
        uses_zh=(("把纸剪开", "剪刀有两片锋利的刀刃。"),),
        also=("is sharp", "cut bread"),
    ),
    _row(
        "paintbrush",
        "油漆刷",
        "tool",
        measure="把",
        plural="paintbrushes",
        values={"price": 6},
        uses=(("paint a wall", "A paintbrush spreads the paint."),),
        uses_zh=(("给墙刷漆", "油漆刷能把油漆刷开。"),),
        also=("clean the teeth",),
    ),
    _row(
        "bucket",
        "水桶",
        "tool",
        values={"price": 8},
        uses=(("carry water", "A bucket holds a lot of water."),),
        uses_zh=(("提水", "水桶能装很多水。"),),
        also=(
            "water the flowers",
            "throw rubbish away",
            "store old things",
            "hold soup",
            "stand higher",
            "put out a fire",
        ),
    ),
)

_BEACH: tuple[Row, ...] = (
    _row(
        "boat",
        "船",
        "vehicle",
        measure="艘",
        home="out",
        values={"weight": 500, "speed": 15, "price": 20000},
        uses=(("sail across the sea", "A boat floats and the wind moves it."),),
        uses_zh=(("横渡大海", "船浮在水上，风吹着它走。"),),
        traits=("floats on water",),
        traits_zh=("能浮在水上",),
        also=("has an engine", "carries many people", "sit down"),
    ),
    _row(
        "sandcastle",
        "沙堡",
        "other",
        measure="座",
        home="out",
        traits=("is made of sand",),
        traits_zh=("是沙子做的",),
        colours=("yellow",),
        facts=("A sandcastle falls apart when water comes.",),
        facts_zh=("水一来，沙堡就塌了。",),
    ),
    _row(
        "shell",
        "贝壳",
        "other",
        traits=("was the house of a sea animal",),
        traits_zh=("曾经是海里动物的家",),
        colours=("pink",),
        also=("lives in water",),
    ),
    _row(
        "surfboard",
        "冲浪板",
        "other",
        measure="块",
        home="out",
        values={"price": 300},
        uses=(("ride the waves", "A surfboard floats and glides on waves."),),
        uses_zh=(("乘着海浪滑行", "冲浪板能浮起来，在海浪上滑行。"),),
        traits=("floats on water",),
        traits_zh=("能浮在水上",),
    ),
)

_ANIMALS: tuple[Row, ...] = (
    _row(
        "cow",
        "牛",
        "animal",
        measure="头",
        groups=("farm animal",),
        home="out",
        values={"weight": 600, "speed": 30},
        traits=("gives milk", "eats grass"),
        traits_zh=("会产奶", "吃草"),
        facts=("Milk comes from a cow.",),
        facts_zh=("牛奶是牛产的。",),
    ),
    _row(
        "horse",
        "马",
        "animal",
        measure="匹",
        groups=("farm animal",),
        home="out",
        values={"weight": 500, "speed": 70},
        uses=(("ride across the fields", "A horse can carry a rider."),),
        uses_zh=(("骑着穿过田野", "马能驮着人跑。"),),
        traits=("carries a rider", "eats grass"),
        traits_zh=("能驮着人跑", "吃草"),
        also=("gives milk",),
    ),
    _row(
        "duck",
        "鸭子",
        "animal",
        measure="只",
        groups=("bird",),
        values={"weight": 1.2},
        traits=("can swim", "lays eggs", "has feathers", "can fly"),
        traits_zh=("会游泳", "会下蛋", "长着羽毛", "会飞"),
        also=("floats on water", "eats grass"),
        facts=("A duck has feet made for swimming.",),
        facts_zh=("鸭子的脚很适合游泳。",),
    ),
    _row(
        "bird",
        "鸟",
        "animal",
        measure="只",
        groups=("bird",),
        values={"weight": 0.05},
        traits=("can fly", "builds nests", "lays eggs", "has feathers"),
        traits_zh=("会飞", "会搭窝", "会下蛋", "长着羽毛"),
        also=("lives with people as a pet",),
    ),
    _row(
        "sheep",
        "羊",
        "animal",
        measure="只",
        plural="sheep",
        groups=("farm animal",),
        home="out",
        colours=("white",),
        values={"weight": 70, "speed": 30},
        traits=("gives wool", "eats grass"),
        traits_zh=("能产羊毛", "吃草"),
        also=("gives milk",),
        facts=("Wool comes from sheep.",),
        facts_zh=("羊毛是从羊身上剪下来的。",),
    ),
)

_PEOPLE: tuple[Row, ...] = (
    _row("man", "男人", "person", plural="men", groups=("adult",)),
    _row("woman", "女人", "person", plural="women", groups=("adult",)),
    _row("boy", "男孩", "person", groups=("child",)),
    _row("girl", "女孩", "person", groups=("child",)),
    _row(
        "baby",
        "婴儿",
        "person",
        plural="babies",
        groups=("child",),
        traits=("cannot walk yet",),
        traits_zh=("还不会走路",),
        facts=("A baby cannot walk yet.",),
        facts_zh=("婴儿还不会走路。",),
    ),
)

NAMES: dict[str, str] = {"Lisa": "girl", "Tom": "boy", "Mia": "girl", "Omar": "man", "Rosa": "woman", "Ken": "man"}
"""Named character → kind."""

NAMES_ZH: dict[str, str] = {
    "Lisa": "丽莎",
    "Tom": "汤姆",
    "Mia": "米娅",
    "Omar": "奥马尔",
    "Rosa": "罗莎",
    "Ken": "小健",
}

PART_USES: dict[tuple[str, str], str] = {
    ("cup", "handle"): "that you hold",
    ("kettle", "handle"): "that you hold",
    ("kettle", "spout"): "that pours water",
    ("pan", "handle"): "that you hold",
    ("knife", "blade"): "that cuts",
    ("knife", "handle"): "that you hold",
    ("hammer", "head"): "that hits the nail",
    ("hammer", "handle"): "that you hold",
    ("saw", "blade"): "that cuts",
    ("saw", "handle"): "that you hold",
    ("watering can", "spout"): "that pours water",
    ("watering can", "handle"): "that you hold",
    ("umbrella", "handle"): "that you hold",
    ("umbrella", "canopy"): "that keeps the rain off",
    ("car", "wheel"): "that touches the road",
    ("car", "headlight"): "that gives light at night",
    ("bus", "wheel"): "that touches the road",
    ("bicycle", "wheel"): "that touches the road",
    ("bicycle", "handlebar"): "that steers",
    ("bicycle", "saddle"): "that you sit on",
    ("chair", "seat"): "that you sit on",
    ("chair", "backrest"): "that you lean on",
    ("chair", "leg"): "that touches the floor",
    ("tree", "trunk"): "that carries the leaves",
    ("bird", "wing"): "that it flies with",
    ("bird", "beak"): "that it eats with",
    ("boat", "sail"): "that catches the wind",
    ("camera", "lens"): "that the light goes into",
    ("horse", "tail"): "that chases flies away",
    ("dog", "tail"): "that it wags",
    ("flower", "petals"): "that has the bright colour",
}
"""(kind, part) → what that part is for."""

PART_USES_ZH: dict[str, str] = {
    "that you hold": "用手握住的",
    "that pours water": "用来倒水的",
    "that cuts": "用来切割的",
    "that hits the nail": "用来敲钉子的",
    "that keeps the rain off": "用来挡雨的",
    "that touches the road": "挨着路面的",
    "that gives light at night": "夜里用来照亮的",
    "that steers": "用来控制方向的",
    "that you sit on": "用来坐的",
    "that you lean on": "用来靠的",
    "that touches the floor": "挨着地板的",
    "that carries the leaves": "托着树叶的",
    "that it flies with": "用来飞的",
    "that it eats with": "用来吃东西的",
    "that catches the wind": "用来兜住风的",
    "that the light goes into": "让光线进去的",
    "that chases flies away": "用来赶苍蝇的",
    "that it wags": "会摇来摇去的",
    "that has the bright colour": "颜色鲜艳的",
}

MANY_PARTS: dict[str, str] = {"wheel": "wheels", "leg": "legs", "arm": "arms", "window": "windows"}
"""Parts that come in several at once → their plural."""

PARTS_ZH: dict[str, str] = {
    "antlers": "鹿角",
    "arm": "手臂",
    "backrest": "靠背",
    "beak": "嘴",
    "blade": "刃",
    "body": "身体",
    "canopy": "伞面",
    "crown": "树冠",
    "face": "脸",
    "hair": "头发",
    "handle": "把手",
    "handlebar": "车把",
    "head": "头",
    "headlight": "车灯",
    "hull": "船身",
    "leg": "腿",
    "lens": "镜头",
    "neck": "脖子",
    "petals": "花瓣",
    "saddle": "车座",
    "sail": "船帆",
    "seat": "座面",
    "shade": "灯罩",
    "spout": "壶嘴",
    "stem": "茎",
    "tail": "尾巴",
    "trunk": "树干",
    "wheel": "轮子",
    "window": "窗户",
    "wing": "翅膀",
}
PARTS_ZH_OF: dict[tuple[str, str], str] = {
    ("saw", "blade"): "锯条",
    ("saw", "handle"): "锯把",
    ("hammer", "head"): "锤头",
    ("hammer", "handle"): "锤柄",
    ("knife", "blade"): "刀刃",
    ("knife", "handle"): "刀柄",
    ("umbrella", "handle"): "伞柄",
    ("guitar", "body"): "琴身",
    ("guitar", "neck"): "琴颈",
    ("car", "window"): "车窗",
    ("bus", "window"): "车窗",
}
"""(kind, part) → its Chinese name, where it is another one for this kind."""

SUPERLATIVES: dict[str, tuple[str, str, str, str]] = {
    "vitamin_c": (
        "food",
        "has the most vitamin C",
        "with the most vitamin C",
        "has more vitamin C than the other food",
    ),
    "sugar": ("food", "has the most sugar", "with the most sugar", "has more sugar than the other food"),
    "protein": ("food", "has the most protein", "with the most protein", "has more protein than the other food"),
    "fat": ("food", "has the most fat", "with the most fat", "has more fat than the other food"),
    "weight": (
        "animal",
        "is the heaviest in real life",
        "that is the heaviest in real life",
        "is heavier than the other animals",
    ),
    "speed": ("animal", "can run the fastest", "that can run the fastest", "is faster than the other animals"),
    "vehicle weight": ("vehicle", "is the heaviest", "that is the heaviest", "is heavier than the other vehicles"),
    "vehicle speed": ("vehicle", "can go the fastest", "that can go the fastest", "is faster than the other vehicles"),
    "price": ("thing", "costs the most", "that costs the most", "costs more than the other things"),
}
"""Value → the category it ranks, "which food …", "the food …", and what the winner's sentence says."""

SUPERLATIVES_ZH: dict[str, tuple[str, str]] = {
    "vitamin_c": ("含维生素C最多", "含的维生素C比别的食物多"),
    "sugar": ("含糖最多", "含的糖比别的食物多"),
    "protein": ("含蛋白质最多", "含的蛋白质比别的食物多"),
    "fat": ("含脂肪最多", "含的脂肪比别的食物多"),
    "weight": ("在现实生活中最重", "比别的动物重"),
    "speed": ("跑得最快", "比别的动物快"),
    "vehicle weight": ("最重", "比别的交通工具重"),
    "vehicle speed": ("开得最快", "比别的交通工具快"),
    "price": ("最贵", "比别的东西贵"),
}
"""Value → "哪种食物…", and what the winner's sentence says."""

CLEAR = 1.5
"""A winner has at least this many times the value of the second."""


@lru_cache(maxsize=1)
def rows() -> dict[str, Row]:
    """Kind → its row."""
    tables = (_FOOD, _KITCHEN, _HOME, _NURSERY, _STREET, _CAR, _STUDIO, _HEIGHT, _GARDEN, _BEACH, _ANIMALS, _PEOPLE)
    return {row.name: row for table in tables for row in table}


@lru_cache(maxsize=1)
def uses() -> dict[str, tuple[str, ...]]:
    """What one may want to do → the kinds that are made for it."""
    found: dict[str, list[str]] = {}
    for row in rows().values():
        for do, _ in row.uses:
            found.setdefault(do, []).append(row.name)
    return {do: tuple(names) for do, names in found.items()}


@lru_cache(maxsize=1)
def traits() -> dict[str, tuple[str, ...]]:
    """Trait → the kinds that have it."""
    found: dict[str, list[str]] = {}
    for row in rows().values():
        for trait in row.traits:
            found.setdefault(trait, []).append(row.name)
    return {trait: tuple(names) for trait, names in found.items()}


def why(kind: str, do: str) -> str:
    """The sentence that says why this kind serves for that use. Raises StopIteration where it does not."""
    return next(sentence for use, sentence in rows()[kind].uses if use == do)

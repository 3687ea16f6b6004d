"""What is known of every kind: one row each. Adding a kind is one drawing function and one row here.

A row is data, no logic. How its columns become sentences:

    uses    ("cut bread", "A knife has a sharp blade.")  →  What can I use to cut bread?  …  A knife has a sharp blade.
    traits  "grows on trees"                             →  What grows on trees?  …  An orange grows on trees.
    also    "cut bread"                                  →  arguably so: never asked for, but blocks "the only one"
    values  vitamin_c=53                                 →  Which food has the most vitamin C?

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
    "vehicle": ("vehicles", "车辆"),
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
        traits=("grows on trees",),
        also=("is peeled before one eats it",),
        facts=("An orange is rich in vitamin C.",),
    ),
    _row(
        "apple",
        "苹果",
        "food",
        groups=("fruit",),
        values=_food(4.6, 10, 0.3, 0.2),
        uses=(("bake an apple pie", "An apple pie is made from apples."),),
        traits=("grows on trees",),
        facts=("An apple is a healthy snack.",),
    ),
    _row(
        "banana",
        "香蕉",
        "food",
        groups=("fruit",),
        colours=("yellow",),
        values=_food(8.7, 12, 1.1, 0.3),
        traits=("is loved by monkeys", "is peeled before one eats it"),
        also=("grows on trees",),
        facts=("A banana is soft and sweet.",),
    ),
    _row(
        "lemon",
        "柠檬",
        "food",
        groups=("fruit",),
        colours=("yellow",),
        values=_food(53, 2.5, 1.1, 0.3),
        uses=(("make lemonade", "Lemonade is made with the juice of a lemon."),),
        traits=("tastes very sour", "grows on trees"),
        also=("is peeled before one eats it",),
        facts=("A lemon is rich in vitamin C.",),
    ),
    _row(
        "carrot",
        "胡萝卜",
        "food",
        groups=("vegetable",),
        colours=("orange",),
        values=_food(5.9, 4.7, 0.9, 0.2),
        uses=(("feed a rabbit", "Rabbits like to eat carrots."),),
        traits=("grows under the ground", "is loved by rabbits"),
        facts=("A carrot is good for the eyes.",),
    ),
    _row(
        "chilli",
        "辣椒",
        "food",
        groups=("vegetable",),
        plural="chillies",
        values=_food(144, 5, 2, 0.4),
        uses=(("make a dish very spicy", "A chilli burns in the mouth."),),
        traits=("tastes very hot",),
        facts=("A chilli burns in the mouth.",),
    ),
    _row(
        "bread",
        "面包",
        "food",
        number="mass",
        plural=None,
        colours=("brown",),
        values=_food(0, 5, 9, 3.2),
        uses=(("make a sandwich", "A sandwich is made with bread."),),
        traits=("is baked from flour",),
        facts=("Bread is baked in an oven.",),
    ),
    _row(
        "cheese",
        "奶酪",
        "food",
        number="mass",
        plural=None,
        colours=("yellow",),
        values=_food(0, 0.5, 25, 33),
        traits=("is made from milk", "is loved by mice"),
        also=("melts in the sun", "make a sandwich"),
        facts=("Cheese is rich in fat and protein.",),
    ),
    _row(
        "egg",
        "鸡蛋",
        "food",
        values=_food(0, 0.4, 13, 10),
        uses=(("make an omelette", "An omelette is made from eggs."),),
        traits=("comes from a hen",),
        also=("is peeled before one eats it",),
        facts=("An egg is rich in protein.",),
    ),
    _row(
        "cake",
        "蛋糕",
        "food",
        values=_food(0, 36, 5, 15),
        contains=("cherry", "plate"),
        uses=(("celebrate a birthday", "A cake is sweet and eaten at birthdays."),),
        traits=("is eaten at birthdays",),
        also=("is baked from flour", "is made from milk", "surprise a friend"),
        facts=("A cake has a lot of sugar.",),
    ),
    _row(
        "cherry",
        "樱桃",
        "food",
        groups=("fruit",),
        plural="cherries",
        colours=("red",),
        values=_food(7, 13, 1, 0.2),
        traits=("grows on trees", "has a small stone inside"),
        facts=("A cherry has a stone inside.",),
    ),
    _row(
        "milk",
        "牛奶",
        "food",
        groups=("drink",),
        number="mass",
        plural=None,
        values=_food(0, 5, 3.4, 3.3),
        uses=(("drink something white", "Milk is a white drink."),),
        traits=("comes from a cow", "is good for the bones"),
        facts=("Milk is good for the bones.",),
    ),
    _row(
        "chocolate",
        "巧克力",
        "food",
        number="mass",
        plural=None,
        values=_food(0, 50, 7, 30),
        traits=("is made from cocoa", "melts in the sun"),
        also=("is made from milk", "surprise a friend"),
        facts=("Chocolate has a lot of sugar.",),
    ),
    _row(
        "fish",
        "鱼",
        "food",
        plural="fish",
        values=_food(1, 0, 20, 6),
        colours=("blue", "grey"),
        traits=("lives in water", "has fins"),
        also=("lays eggs", "can swim"),
        facts=("A fish breathes in water.",),
    ),
)

_KITCHEN: tuple[Row, ...] = (
    _row(
        "cup",
        "杯子",
        "tableware",
        uses=(("drink tea", "A cup holds a hot drink."),),
        also=("carry water", "hold soup"),
        values={"price": 5},
        facts=("A cup has a handle to hold it.",),
    ),
    _row(
        "bowl",
        "碗",
        "tableware",
        uses=(("hold soup", "A bowl is deep, so soup stays in it."),),
        also=("carry water", "serve food", "drink tea"),
        values={"price": 6},
    ),
    _row(
        "plate",
        "盘子",
        "tableware",
        uses=(("serve food", "A plate is flat and clean."),),
        also=("hold soup",),
        values={"price": 6},
    ),
    _row(
        "knife",
        "刀",
        "tableware",
        plural="knives",
        groups=("cutlery",),
        colours=("grey", "brown"),
        uses=(("cut bread", "A knife has a sharp blade."), ("peel fruit", "A knife has a sharp blade.")),
        traits=("is sharp",),
        also=("cut paper", "cut wood", "turn a screw"),
        facts=("A knife can hurt the fingers.",),
    ),
    _row(
        "fork",
        "叉子",
        "tableware",
        groups=("cutlery",),
        colours=("grey",),
        uses=(("eat noodles", "A fork has points that pick up food."),),
        also=("is sharp", "eat soup"),
        facts=("A fork has four points.",),
    ),
    _row(
        "spoon",
        "勺子",
        "tableware",
        groups=("cutlery",),
        colours=("grey",),
        uses=(("eat soup", "A spoon can hold liquid."), ("stir tea", "A spoon stirs a drink.")),
        also=("eat noodles", "dig a hole"),
    ),
    _row(
        "kettle",
        "水壶",
        "other",
        uses=(("boil water", "A kettle heats water."), ("make tea", "Tea needs hot water.")),
        also=("carry water", "cook food", "water the flowers", "needs electricity"),
        values={"price": 30},
        facts=("A kettle can be very hot.",),
    ),
    _row(
        "pan",
        "平底锅",
        "other",
        colours=("black", "grey"),
        uses=(("fry an egg", "A pan gets hot on the stove."), ("cook food", "A pan gets hot on the stove.")),
        also=("boil water", "hold soup", "carry water"),
        values={"price": 30},
    ),
    _row(
        "bottle",
        "瓶子",
        "other",
        uses=(("keep a drink for later", "A bottle can be closed."),),
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
        also=("wash the whole body", "carry water"),
        facts=("Water runs out at the bottom of a sink.",),
    ),
    _row(
        "tap",
        "水龙头",
        "other",
        home="in",
        values={"price": 50},
        colours=("grey",),
        uses=(("get water", "Water comes out of a tap."),),
        traits=("lets the water out",),
        also=("wash the hands", "water the flowers", "put out a fire", "gives water to firefighters", "boil water"),
    ),
    _row(
        "toothbrush",
        "牙刷",
        "other",
        plural="toothbrushes",
        home="in",
        uses=(("clean the teeth", "A toothbrush has soft hair that cleans the teeth."),),
        also=("paint a wall",),
    ),
    _row(
        "soap",
        "肥皂",
        "other",
        number="mass",
        plural=None,
        home="in",
        uses=(("make dirty hands clean", "Soap takes away the dirt."),),
        traits=("makes bubbles",),
        also=("wash the hands", "wash the whole body"),
    ),
    _row(
        "towel",
        "毛巾",
        "other",
        home="in",
        uses=(("dry wet hands", "A towel takes up the water."),),
    ),
    _row(
        "mirror",
        "镜子",
        "furniture",
        home="in",
        values={"price": 60},
        uses=(("look at one's own face", "A mirror shows what is in front of it."),),
        traits=("is made of glass",),
    ),
    _row(
        "bathtub",
        "浴缸",
        "furniture",
        home="in",
        values={"price": 400},
        colours=("white",),
        uses=(("wash the whole body", "A bathtub is big enough for a person."),),
        also=("carry water", "wash the hands", "sit down"),
    ),
    _row(
        "sofa",
        "沙发",
        "furniture",
        home="in",
        values={"price": 800},
        groups=("seat",),
        uses=(("take a nap", "A sofa is long and soft."), ("sit down", "People sit on a sofa.")),
        also=("stand higher",),
    ),
    _row(
        "chair",
        "椅子",
        "furniture",
        groups=("seat",),
        values={"price": 60},
        uses=(("sit down", "People sit on a chair."),),
        also=("stand higher", "take a nap"),
    ),
    _row(
        "table",
        "桌子",
        "furniture",
        values={"price": 200},
        colours=("brown",),
        uses=(("have dinner with the family", "A table has room for many plates."),),
        also=("stand higher", "serve food", "sit down"),
    ),
    _row(
        "lamp",
        "灯",
        "other",
        home="in",
        values={"price": 40},
        uses=(("read in the dark", "A lamp gives light."),),
        traits=("gives light", "needs electricity"),
    ),
    _row(
        "clock",
        "时钟",
        "other",
        home="in",
        values={"price": 20},
        uses=(("know what time it is", "A clock shows the hours and minutes."),),
        traits=("shows the time",),
        also=("needs electricity",),
    ),
    _row(
        "book",
        "书",
        "other",
        values={"price": 15},
        uses=(("read a story", "A book has many pages to read."),),
        traits=("has pages",),
        also=("surprise a friend",),
    ),
    _row(
        "television",
        "电视",
        "other",
        home="in",
        values={"price": 500},
        uses=(("watch a film", "A television shows films."),),
        traits=("needs electricity",),
        also=("gives light", "shows the time", "makes music"),
        colours=("black",),
    ),
    _row(
        "plant",
        "盆栽",
        "plant",
        values={"price": 15},
        colours=("green",),
        traits=("needs water to grow",),
        also=("gives shade", "surprise a friend", "loses its leaves in autumn"),
        facts=("A plant needs light and water.",),
    ),
    _row(
        "vase",
        "花瓶",
        "other",
        home="in",
        values={"price": 20},
        uses=(("keep cut flowers fresh", "A vase holds water for flowers."),),
        also=("carry water", "water the flowers", "is made of glass", "keep a drink for later"),
    ),
    _row(
        "cat",
        "猫",
        "animal",
        groups=("pet",),
        values={"weight": 4.5, "speed": 48},
        traits=("purrs", "catches mice", "lives with people as a pet"),
        facts=("A cat likes to sleep.",),
    ),
    _row(
        "candle",
        "蜡烛",
        "other",
        home="in",
        values={"price": 3},
        traits=("is made of wax", "gives light"),
        also=("read in the dark", "melts in the sun", "celebrate a birthday"),
        facts=("A candle can start a fire.",),
    ),
    _row(
        "guitar",
        "吉他",
        "other",
        values={"price": 300},
        colours=("brown", "orange"),
        uses=(("play a song", "A guitar makes music."),),
        traits=("has strings", "makes music"),
    ),
    _row(
        "phone",
        "手机",
        "other",
        values={"price": 500},
        colours=("black",),
        uses=(("call a friend", "A phone lets you talk to people far away."),),
        traits=("needs electricity",),
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
        values={"price": 900},
        colours=("grey",),
        uses=(("write an email", "A laptop has a keyboard and a screen."),),
        traits=("needs electricity",),
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
        uses=(("open a locked door", "A key turns the lock."),),
        colours=("yellow",),
    ),
    _row(
        "gift",
        "礼物",
        "other",
        uses=(("surprise a friend", "A gift is a nice surprise."),),
        also=("celebrate a birthday",),
        facts=("A gift is wrapped in paper.",),
    ),
)

_NURSERY: tuple[Row, ...] = (
    _row(
        "fence",
        "围栏",
        "other",
        values={"price": 60},
        uses=(("keep a baby in a safe place", "A fence stops a baby from crawling away."),),
        facts=("A fence is a barrier that nobody walks through.",),
    ),
    _row(
        "teddy",
        "泰迪熊",
        "toy",
        plural="teddies",
        colours=("brown",),
        home="in",
        uses=(("cuddle in bed", "A teddy is soft."),),
    ),
    _row(
        "ball",
        "球",
        "toy",
        uses=(("play football", "A ball can be kicked."),),
        traits=("bounces",),
        also=("floats on water",),
    ),
    _row(
        "blocks",
        "积木",
        "toy",
        number="plural",
        plural=None,
        home="in",
        uses=(("build a toy tower", "Blocks can be put on top of each other."),),
    ),
)

_STREET: tuple[Row, ...] = (
    _row(
        "car",
        "汽车",
        "vehicle",
        home="out",
        values={"weight": 1400, "speed": 180, "price": 20000},
        uses=(("drive a family to another city", "A car takes a few people far."),),
        traits=("has an engine",),
        also=("gives light", "carries many people", "needs electricity", "sit down"),
    ),
    _row(
        "bus",
        "公共汽车",
        "vehicle",
        plural="buses",
        home="out",
        values={"weight": 12000, "speed": 100, "price": 200000},
        uses=(("take a whole class on a trip", "A bus has many seats."),),
        traits=("has an engine", "carries many people"),
        also=("gives light", "drive a family to another city", "needs electricity", "sit down"),
    ),
    _row(
        "bicycle",
        "自行车",
        "vehicle",
        home="out",
        values={"weight": 14, "speed": 25, "price": 400},
        uses=(("travel without an engine", "A bicycle is moved with the feet."),),
        traits=("has two wheels and no engine",),
        also=("carries a rider",),
    ),
    _row(
        "traffic light",
        "红绿灯",
        "other",
        home="out",
        traits=("tells drivers to stop", "changes from red to green"),
        also=("gives light", "needs electricity"),
        facts=("Red means stop and green means go.",),
    ),
    _row(
        "stop sign",
        "停车标志",
        "other",
        home="out",
        traits=("tells drivers to stop",),
        colours=("red",),
        facts=("At a stop sign every car must stop.",),
    ),
    _row(
        "tree",
        "树",
        "plant",
        home="out",
        colours=("green",),
        traits=("loses its leaves in autumn", "needs water to grow", "gives shade"),
        also=("stand higher",),
        facts=("A tree gives wood and shade.",),
    ),
    _row(
        "bench",
        "长椅",
        "furniture",
        plural="benches",
        groups=("seat",),
        values={"price": 150},
        colours=("brown",),
        uses=(("sit down", "People sit on a bench."),),
        also=("stand higher", "take a nap"),
    ),
    _row(
        "dog",
        "狗",
        "animal",
        groups=("pet",),
        values={"weight": 25, "speed": 45},
        uses=(("guard the house", "A dog barks at strangers."),),
        traits=("barks", "lives with people as a pet"),
        facts=("A dog can smell very well.",),
    ),
    _row(
        "fire hydrant",
        "消防栓",
        "other",
        home="out",
        colours=("red",),
        uses=(("put out a fire", "A fire hydrant gives water for the fire hose."),),
        traits=("gives water to firefighters",),
        also=("get water", "lets the water out"),
    ),
    _row(
        "bin",
        "垃圾桶",
        "other",
        uses=(("throw rubbish away", "A bin is made for rubbish."),),
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
        colours=("black",),
    ),
    _row(
        "speedometer",
        "速度表",
        "other",
        home="out",
        uses=(("know how fast the car is", "A speedometer shows the speed."),),
        traits=("shows the speed",),
    ),
    _row(
        "fuel gauge",
        "油量表",
        "other",
        home="out",
        uses=(("know how much fuel is left", "A fuel gauge shows how full the tank is."),),
        traits=("shows how full the tank is",),
    ),
)

_STUDIO: tuple[Row, ...] = (
    _row(
        "camera",
        "相机",
        "other",
        values={"price": 700},
        colours=("black",),
        uses=(("take a photo", "A camera takes photos."),),
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
        traits=("has three legs",),
    ),
)

_HEIGHT: tuple[Row, ...] = (
    _row(
        "ladder",
        "梯子",
        "tool",
        values={"price": 80},
        uses=(
            ("climb up to a roof", "A ladder has steps that lead up."),
            ("stand higher", "A ladder has steps that lead up."),
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
        also=("sit down", "has three legs"),
    ),
    _row(
        "box",
        "箱子",
        "other",
        plural="boxes",
        colours=("brown",),
        uses=(("store old things", "A box can be filled and closed."),),
        also=("stand higher", "sit down", "surprise a friend", "floats on water"),
    ),
)

_GARDEN: tuple[Row, ...] = (
    _row(
        "flower",
        "花",
        "plant",
        values={"price": 3},
        traits=("smells sweet", "needs water to grow"),
        also=("surprise a friend",),
        facts=("Bees fly to a flower.",),
    ),
    _row(
        "watering can",
        "喷壶",
        "tool",
        values={"price": 15},
        uses=(("water the flowers", "A watering can pours water gently."),),
        also=("carry water",),
    ),
    _row("shovel", "铁锹", "tool", values={"price": 20}, uses=(("dig a hole", "A shovel moves the soil."),)),
    _row(
        "rake",
        "耙子",
        "tool",
        values={"price": 20},
        uses=(("collect fallen leaves", "A rake pulls leaves together."),),
        also=("dig a hole",),
    ),
    _row(
        "umbrella",
        "伞",
        "other",
        values={"price": 15},
        uses=(("stay dry in the rain", "An umbrella keeps the rain off."),),
        traits=("gives shade",),
        also=("protect the head from the sun",),
        facts=("An umbrella gives shade in the sun.",),
    ),
    _row(
        "hat",
        "帽子",
        "other",
        values={"price": 20},
        uses=(("protect the head from the sun", "A hat gives shade to the head."),),
        traits=("is worn on the head",),
        also=("gives shade", "stay dry in the rain"),
    ),
    _row(
        "hammer",
        "锤子",
        "tool",
        values={"price": 15},
        colours=("grey", "brown"),
        uses=(("drive a nail into wood", "A hammer has a heavy head."),),
    ),
    _row(
        "saw",
        "锯子",
        "tool",
        values={"price": 20},
        colours=("grey", "brown"),
        uses=(("cut wood", "A saw has sharp teeth."),),
        also=("is sharp", "cut bread"),
    ),
    _row(
        "screwdriver",
        "螺丝刀",
        "tool",
        values={"price": 8},
        uses=(("turn a screw", "A screwdriver fits into the head of a screw."),),
        also=("is sharp",),
    ),
    _row(
        "scissors",
        "剪刀",
        "tool",
        number="plural",
        plural=None,
        values={"price": 8},
        uses=(("cut paper", "Scissors have two sharp blades."),),
        also=("is sharp", "cut bread"),
    ),
    _row(
        "paintbrush",
        "画笔",
        "tool",
        plural="paintbrushes",
        values={"price": 6},
        uses=(("paint a wall", "A paintbrush spreads the paint."),),
        also=("clean the teeth",),
    ),
    _row(
        "bucket",
        "水桶",
        "tool",
        values={"price": 8},
        uses=(("carry water", "A bucket holds a lot of water."),),
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
        home="out",
        values={"weight": 500, "speed": 15, "price": 20000},
        uses=(("sail across the sea", "A boat floats and the wind moves it."),),
        traits=("floats on water",),
        also=("has an engine", "carries many people", "sit down"),
    ),
    _row(
        "sandcastle",
        "沙堡",
        "other",
        home="out",
        traits=("is made of sand",),
        colours=("yellow",),
        facts=("A sandcastle falls apart when water comes.",),
    ),
    _row(
        "shell", "贝壳", "other", traits=("was the house of a sea animal",), colours=("pink",), also=("lives in water",)
    ),
    _row(
        "surfboard",
        "冲浪板",
        "other",
        home="out",
        values={"price": 300},
        uses=(("ride the waves", "A surfboard floats and glides on waves."),),
        traits=("floats on water",),
    ),
)

_ANIMALS: tuple[Row, ...] = (
    _row(
        "cow",
        "牛",
        "animal",
        groups=("farm animal",),
        home="out",
        values={"weight": 600, "speed": 30},
        traits=("gives milk", "eats grass"),
        facts=("Milk comes from a cow.",),
    ),
    _row(
        "horse",
        "马",
        "animal",
        groups=("farm animal",),
        home="out",
        values={"weight": 500, "speed": 70},
        uses=(("ride across the fields", "A horse can carry a rider."),),
        traits=("carries a rider", "eats grass"),
        also=("gives milk",),
    ),
    _row(
        "duck",
        "鸭子",
        "animal",
        groups=("bird",),
        values={"weight": 1.2},
        traits=("can swim", "lays eggs", "has feathers", "can fly"),
        also=("floats on water", "eats grass"),
        facts=("A duck has feet made for swimming.",),
    ),
    _row(
        "bird",
        "鸟",
        "animal",
        groups=("bird",),
        values={"weight": 0.05},
        traits=("can fly", "builds nests", "lays eggs", "has feathers"),
        also=("lives with people as a pet",),
    ),
    _row(
        "sheep",
        "羊",
        "animal",
        plural="sheep",
        groups=("farm animal",),
        home="out",
        colours=("white",),
        values={"weight": 70, "speed": 30},
        traits=("gives wool", "eats grass"),
        also=("gives milk",),
        facts=("Wool comes from sheep.",),
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
        facts=("A baby cannot walk yet.",),
    ),
)

NAMES: dict[str, str] = {"Lisa": "girl", "Tom": "boy", "Mia": "girl", "Omar": "man", "Rosa": "woman", "Ken": "man"}
"""Named character → kind."""

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

MANY_PARTS: dict[str, str] = {"wheel": "wheels", "leg": "legs", "arm": "arms", "window": "windows"}
"""Parts that come in several at once → their plural."""

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

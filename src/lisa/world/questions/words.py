"""The words of the best-known questions, in the manner of their paper."""

from __future__ import annotations

Words = tuple[tuple[str, ...], tuple[str, ...]]
"""Noun phrases and questions."""

VITAMIN_C: Words = (
    (
        "the food with the most vitamin C",
        "the food that has the most vitamin C",
        "the food richest in vitamin C",
        "the thing here with the most vitamin C",
        "~the best source of vitamin C",
    ),
    (
        "which food has the most vitamin C",
        "what food has the most vitamin C",
        "which food is rich in vitamin C",
        "what should I eat to get vitamin C",
        "where do I get the most vitamin C",
        "what contains the most vitamin C",
        "which food should I eat when I need vitamin C",
        "~what is good against a lack of vitamin C",
    ),
)
HIGHER: Words = (
    (
        "the thing that makes {o} stand higher",
        "what makes {o} stand higher",
        "something that makes {o} stand higher",
        "the thing that helps {o} to reach higher",
        "~the object that {o} uses to get higher",
    ),
    (
        "what makes {o} stand higher",
        "what can make {o} stand higher",
        "what helps {o} to reach higher",
        "what does {o} stand on to reach higher",
        "what makes {o} taller",
        "why can {o} reach so high",
        "which thing lets {o} stand higher",
        "~what does {o} use to get higher",
    ),
)
NEAR: Words = (
    (
        "the camera lens that is more suitable for photographing {d} objects",
        "the lens for {d} objects",
        "the lens that is better for {d} objects",
        "the better lens for a photo of {d} things",
        "~the lens to take for something {d}",
    ),
    (
        "which lens is better for {d} objects",
        "which lens is more suitable for photographing {d} objects",
        "which lens should I use for {d} objects",
        "which camera lens is best for {d} things",
        "what lens do I need to take a photo of {d} objects",
        "~which lens would you take for {d} objects",
    ),
)
FENCE: Words = (
    (
        "something that prevents the baby from crawling away",
        "the thing that keeps the baby safe",
        "the thing that protects the baby",
        "something that protects the baby",
        "what keeps the baby safe",
        "~the barrier for the baby",
    ),
    (
        "what keeps the baby safe",
        "what protects the baby",
        "what prevents the baby from crawling away",
        "what stops the baby from crawling away",
        "which thing keeps the baby safe",
        "what makes sure that the baby is safe",
        "why can the baby not crawl away",
        "~what holds the baby back",
    ),
)
ANTLERS: Words = (
    (
        "the dog with antlers",
        "the dog that has antlers",
        "the unusual dog",
        "the dog that looks like a deer",
        "~the dog with something on its head",
    ),
    (
        "which dog has antlers",
        "which dog is unusual",
        "which dog looks like a deer",
        "which dog is different",
        "~which of the dogs wears antlers",
    ),
)
SINK: dict[str, Words] = {
    "tap": (
        ("the place where the water comes out", "the thing the water comes out of", "the part to turn for water"),
        (
            "where does the water come out",
            "what do I turn on to get water",
            "what lets the water run",
            "~from where does the water flow",
        ),
    ),
    "sink": (
        ("the place to wash my hands", "the place where I can wash my hands", "the thing below the tap"),
        (
            "where can I wash my hands",
            "where does the water go",
            "what is below the tap",
            "~where do people clean their hands",
        ),
    ),
}
DASHBOARD: dict[str, Words] = {
    "speedometer": (
        ("the thing that shows the speed", "the thing that tells the driver how fast the car goes"),
        (
            "what shows how fast the car is",
            "where can the driver see the speed",
            "where do I see how fast we are",
            "what tells the driver the speed",
            "how do I know if I drive too fast",
            "~where can I read the speed",
        ),
    ),
    "fuel gauge": (
        ("the thing that shows how much fuel is left", "the thing that shows if the tank is empty"),
        (
            "what shows how much fuel is left",
            "where can the driver see if the tank is empty",
            "what tells the driver to buy fuel",
            "~where can I read how full the tank is",
        ),
    ),
    "steering wheel": (
        ("the thing that the driver turns", "the thing to steer the car with"),
        (
            "what does the driver turn to go left",
            "what do I hold to steer the car",
            "what makes the car go left or right",
            "~what must the driver hold",
        ),
    ),
}
CHILLI: Words = (
    (
        "the food that tastes very hot",
        "the spicy food",
        "the thing that burns in the mouth",
        "the food that is spicy",
        "~the food that is too hot for children",
    ),
    (
        "which food is the spiciest",
        "which food tastes very hot",
        "what would burn in my mouth",
        "what is spicy here",
        "which food makes a dish spicy",
        "what should I not eat if I do not like spicy food",
        "~what is too hot to eat",
    ),
)
SUN: Words = (
    (
        "something that gives shade",
        "the thing that protects from the sun",
        "the thing that keeps the sun off",
        "~the best place to hide from the sun",
    ),
    (
        "what protects from the sun",
        "where can {o} find shade",
        "what can keep the sun off {o}",
        "what gives shade here",
        "where can {o} sit when the sun is too hot",
        "~what is good against too much sun",
    ),
)
HAT: Words = (
    ("what protects the head of {o} from the sun", "the thing on the head of {o}", "what {o} wears on the head"),
    (
        "what protects the head of {o} from the sun",
        "what does {o} wear on the head",
        "what is on the head of {o}",
        "what keeps the sun off the head of {o}",
        "~what does {o} have on the head",
    ),
)
WHO: Words = (
    ("{n}", "{n}", "the person called {n}"),
    ("who is {n}", "where is {n}", "which person is {n}", "which of them is {n}", "~which one here is {n}"),
)

ALL: dict[str, Words] = {
    "vitamin_c": VITAMIN_C,
    "stand_higher": HIGHER,
    "near_lens": NEAR,
    "baby_fence": FENCE,
    "dog_antlers": ANTLERS,
    "chilli": CHILLI,
}
"""Those that are also asked where the answer is missing, by kind."""

"""What synthetic voices say: strings of everyday words without sense, so that sounds meet in all orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_WORDS = """
the this that these those there then than they them their with without within breathe smooth father mother brother
other another either rather weather leather clothing bathe three think thing thank thirty thousand thumb thunder
thick thin theory both path month mouth north south tooth health wealth length nothing something author method
five four fifty forty fine fire finger fish fly floor flower follow food foot for forget form found free fresh friend
from front fruit full funny future coffee office offer often laugh enough rough off if leaf life wife knife half shelf
very voice visit value valley van vast view village violin vote over even ever every never seven eleven twelve give
live love have leave move above brave cave drive evening favour gave heavy river silver travel wave of believe
pay paper park part party pass past people pepper person piece pink place plan plant play please point poor possible
pull push put happy apple open up cup help keep sleep stop ship map hope step shape supper
be bad bag ball bank bath bear beautiful because bed before begin behind below big bird black blue boat body book both
bottle box boy bread break bright bring build busy but buy by baby rabbit table able job rub web club tube
make man many map market me mean meat meet member milk mind minute miss mix model moment money moon more morning most
mountain much music my summer number remember lemon some come home name time room warm farm them
lay lake lamp land large last late lead learn left letter light line lion list little long look lose lot low lucky
lunch allow alone along already also always call cold hello help hill hold level mile million million pull school sell
small tell told until wall well while will world yellow yellow
near neck need new next nice night nine noise none noon nose not note now nurse and animal answer any behind change
dinner down end ending fun green hand hundred in instead kind know lane man moon nation on once one onion only own
pen plan rain run seen soon sun ten train turn under until wind window woman
take talk tall tea teach teacher tell ten test ticket tired today together tomorrow tonight too top town tree true try
two type at ate about after attack better bit boat button city cut dirty eat eight eighty get great hat hot it late let
dad danger dark daughter day dead deep dinner do doctor dog door double dream dress drink dry dust add body cold edge
feed garden good head hidden idea kind lady loud made need old ready red ride road sad said side
sea see sell send set share she shop short show shut sick sign simple sing sister sit six size skin sky slow snow so
soft song sound sour speak spend spring square star start stay stone street strong study sugar sure sweet swim system
zero zoo zone busy easy noise music lazy cheese chair cheap check child choose church each catch kitchen watch
judge join juice jump just age bridge large orange page vision measure usual
key king kiss kitchen cake car card care carry cat clean clear clock cloud coat cook corner count country cow cry
go girl give glad glass goat gold grass grey group ground grow guess again ago bag dig egg forget big
here high him his hit hot house how hurry ahead behave perhaps
we wear week west wet what wheel when where white who why wide win winter wish wonder word work world away always
red rich right ring rock roof round rule around arrive carry different dry every from hurry orange sorry story very
yes year yesterday you young use useful beyond
I a an as are art ask aunt ear early earth east easy eye ice idea ill oil air hour our out owl own
"""

_GRID = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("ABCDEFGHIJKLMNOPQRSTUVXYZ"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)
"""The command sentences of the GRID corpus (Cooke et al. 2006), one word of each."""

_FOREIGN = {
    "de": (
        "Ich heiße Müller, und das Pferd läuft schnell über die Wiese.",
        "Viele Bauern pflanzen im Mai Apfelbäume vor dem alten Tor.",
        "Wir wollen morgen früh mit dem Boot von Lübeck nach Finnland fahren.",
        "Der Vater nimmt den Topf vom Feuer, und alle haben Hunger.",
        "Bitte bleiben Sie noch fünf Minuten am Tisch sitzen.",
    ),
    "fr": (
        "Bonjour, je m'appelle Juliette, un bon vin blanc vaut mieux.",
        "Le petit bateau va vite devant la ville, et le vent souffle fort.",
        "Ma famille prend le train pour aller voir une belle fête à Lyon.",
        "Il faut toujours fermer la porte avant de partir le matin.",
        "Nous avons trouvé la bonne place près du lavabo.",
    ),
    "es": (
        "Buenos días, la verdad es que llueve, vamos a bailar.",
        "Mi familia vive en la montaña y bebe mucho vino blanco.",
        "El perro pequeño duerme debajo de la mesa del comedor.",
        "Por favor, dame la botella verde que está en la puerta.",
        "Todos los lunes salimos temprano para trabajar en el pueblo.",
    ),
    "it": (
        "Buongiorno, gli amici vanno alla festa, e fa bel tempo.",
        "La mamma prepara il pane fresco per tutta la famiglia.",
        "Vorrei bere un bicchiere di vino davanti al fuoco.",
        "Il vento forte muove le foglie dell'albero nel parco.",
        "Domani mattina andiamo insieme a trovare mio fratello.",
    ),
}
"""Sentences of our own in languages that share most of these sounds."""

_ENGLISH = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbclan")
_THROATS = """
m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt klatt2 klatt3 klatt4
Andy Annie linda steph adam anika belinda michael pedro quincy travis Alicia Lee max caleb
"""
"""Dialects and timbres that eSpeak NG 1.51 has."""

_FOREIGN_SHARE, _GRID_SHARE, _COMMA_SHARE = 0.12, 0.1, 0.15
_WORDS_PER_MINUTE = (110, 240)
_PITCH = (10, 95)
_PITCH_RANGE = (20, 90)


@dataclass(frozen=True, slots=True)
class Line:
    """What is said, and how; see espeak.speak."""

    text: str
    voice: str
    words_per_minute: int
    pitch: int
    pitch_range: int


def line(rng: np.random.Generator) -> Line:
    """One line of about 2 to 4 seconds in some voice."""
    language, text = _said(rng)
    voice = f"{language}+{rng.choice(_THROATS.split())}"
    how = (int(rng.integers(*limits)) for limits in (_WORDS_PER_MINUTE, _PITCH, _PITCH_RANGE))
    return Line(text, voice, *how)


def grid_text(transcript: str) -> str:
    """A GRID transcript as eSpeak should read it: letters are spelled, "a" is no article."""
    return " ".join(word.upper() if len(word) == 1 else word for word in transcript.split())


def _said(rng: np.random.Generator) -> tuple[str, str]:
    kind = rng.random()
    if kind < _FOREIGN_SHARE:
        language = str(rng.choice(sorted(_FOREIGN)))
        return language, str(rng.choice(_FOREIGN[language]))
    dialect = str(rng.choice(_ENGLISH))
    if kind < _FOREIGN_SHARE + _GRID_SHARE:
        return dialect, " ".join(str(rng.choice(words)) for words in _GRID)
    words = rng.choice(_WORDS.split(), int(rng.integers(5, 12)))
    return dialect, " ".join(f"{word}," if rng.random() < _COMMA_SHARE else word for word in words)

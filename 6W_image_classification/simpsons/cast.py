"""The synthetic cast: 42 invented characters, each with a fixed appearance.

The numbers of training images follow the homework's long tail.
"""

from coursework.drawing import Person

BLACK, BROWN, AUBURN, GINGER, BLOND, GREY, WHITE, BLUE, PINK = (
    "#2C1B18",
    "#5A3A2B",
    "#8D4A2B",
    "#C1440E",
    "#D6B370",
    "#9A9A9A",
    "#ECE7E1",
    "#3B5BA5",
    "#E58AA8",
)
PALE, LIGHT, TAN, OLIVE, UMBER, DARK = "#FFDBB4", "#EDB98A", "#E0A46C", "#D08B5B", "#AE5D29", "#6B4530"
NAVY, SKY, SLATE, SAND, RED, GREEN, PLUM, SNOW = (
    "#25557C",
    "#65A9E8",
    "#4A5A66",
    "#E3C890",
    "#D9534F",
    "#5E9C6B",
    "#7B4B94",
    "#F2F2F2",
)

# name: top, hair, skin, clothes, fabric, then optional features. Several characters share each colour, so that
# colours alone do not identify a character. The pairs in SIBLINGS differ in one feature only.
CAST = {
    "ada_quill": Person("BUN", BROWN, LIGHT, "SHIRT_SCOOP_NECK", NAVY, glasses="ROUND"),
    "barnaby_fern": Person("SHORT_FLAT", BROWN, LIGHT, "HOODIE", NAVY),
    "bartek_fern": Person("SHORT_WAVED", BROWN, LIGHT, "HOODIE", NAVY),
    "cora_vale": Person("BOB", BLACK, OLIVE, "BLAZER_SHIRT", SNOW),
    "clara_vale": Person("BOB", BLACK, OLIVE, "BLAZER_SHIRT", SNOW, glasses="PRESCRIPTION_2"),
    "dmitri_holt": Person("SIDES", GREY, PALE, "COLLAR_SWEATER", RED, beard="MOUSTACHE_MAGNUM"),
    "dov_holt": Person("SIDES", GREY, PALE, "COLLAR_SWEATER", RED, beard="BEARD_LIGHT"),
    "edda_storm": Person("MOHAWK", PINK, LIGHT, "SHIRT_V_NECK", SLATE, glasses="SUNGLASSES"),
    "felix_orchard": Person("SHAGGY_MULLET", BLOND, PALE, "OVERALL", SKY),
    "fern_orchard": Person("STRAIGHT_1", BLOND, PALE, "OVERALL", SKY),
    "gus_barrel": Person("NONE", BROWN, LIGHT, "SHIRT_CREW_NECK", GREEN, beard="BEARD_MAGESTIC"),
    "hana_reed": Person("STRAIGHT_STRAND", BLACK, PALE, "SHIRT_SCOOP_NECK", GREEN),
    "hugo_bright": Person("POMPADOUR", GINGER, PALE, "BLAZER_SWEATER", NAVY),
    "idris_moon": Person("SHORT_DREADS_1", BLACK, DARK, "HOODIE", RED),
    "imani_moon": Person("FRO_BAND", BLACK, DARK, "SHIRT_SCOOP_NECK", RED),
    "ines_marlow": Person("LONG_NOT_TOO_LONG", AUBURN, LIGHT, "COLLAR_SWEATER", SAND),
    "iris_marlow": Person("MIA_WALLACE", AUBURN, LIGHT, "COLLAR_SWEATER", SAND),
    "jun_park": Person("CAESAR_SIDE_PART", BLACK, PALE, "BLAZER_SHIRT", NAVY, glasses="PRESCRIPTION_2"),
    "kasimir_wolf": Person("WICK", BLACK, LIGHT, "BOND_SUIT", SNOW, beard="WICK_BEARD"),
    "lara_finch": Person("CURLY", GINGER, PALE, "SHIRT_V_NECK", GREEN),
    "leo_hart": Person("SHORT_CURLY", BLOND, LIGHT, "SHIRT_CREW_NECK", SKY),
    "magda_stone": Person("HIJAB", BLACK, TAN, "SHIRT_CREW_NECK", SLATE, hat=PLUM),
    "milo_button": Person("WINTER_HAT_2", BROWN, PALE, "HOODIE", GREEN, hat=RED),
    "nadia_frost": Person("WINTER_HAT_1", BLACK, LIGHT, "COLLAR_SWEATER", SNOW, hat=NAVY),
    "nico_salt": Person("WINTER_HAT_3", BROWN, OLIVE, "SHIRT_CREW_NECK", NAVY, beard="BEARD_MEDIUM", hat=SLATE),
    "olga_pepper": Person("BIG_HAIR", BLACK, TAN, "SHIRT_SCOOP_NECK", PLUM),
    "otis_crane": Person("FRO", BLACK, UMBER, "BLAZER_SHIRT", SAND),
    "pavel_iron": Person("BUZZCUT", BROWN, LIGHT, "SHIRT_CREW_NECK", SLATE, nose="WIDE"),
    "petra_lane": Person("HALF_SHAVED", BLUE, PALE, "HOODIE", SLATE),
    "quentin_ash": Person("HAT", BROWN, PALE, "BLAZER_SWEATER", SLATE, glasses="ROUND", hat=SLATE),
    "rana_silver": Person("LOOSE_HAIR", BROWN, OLIVE, "BLAZER_SHIRT", RED),
    "ravi_lake": Person("TURBAN", BLACK, OLIVE, "COLLAR_SWEATER", NAVY, beard="BEARD_MEDIUM", hat=SAND),
    "rosa_thorn": Person("CURVY", AUBURN, TAN, "SHIRT_SCOOP_NECK", RED),
    "sam_pepper": Person("SHAGGY", BLACK, TAN, "SHIRT_V_NECK", PLUM),
    "saul_tinker": Person("EINSTEIN_HAIR", WHITE, PALE, "BLAZER_SWEATER", GREEN, beard="EINSTEIN_MOUSTACHE"),
    "tess_harbor": Person("WILD", BLOND, LIGHT, "HOODIE", SKY),
    "tobias_grain": Person("CHEF_CAP", BROWN, LIGHT, "CHEF", SKY, beard="MOUSTACHE_FANCY"),
    "uma_glass": Person("TWIST_LONG_HAIR", BLACK, UMBER, "SHIRT_V_NECK", SNOW, glasses="WAYFARERS"),
    "vera_cobb": Person("PIXIE", GREY, PALE, "COLLAR_SWEATER", PLUM, glasses="PRESCRIPTION_1"),
    "wanda_cobb": Person("DREADS", GREY, PALE, "COLLAR_SWEATER", PLUM),
    "xavier_pike": Person("QUIFF", BLACK, LIGHT, "BLAZER_SHIRT", GREEN, glasses="EYEPATCH"),
    "zeno_clay": Person("CORNROWS", BLACK, UMBER, "SHIRT_CREW_NECK", SAND),
}
SIBLINGS = (
    ("barnaby_fern", "bartek_fern"),
    ("cora_vale", "clara_vale"),
    ("dmitri_holt", "dov_holt"),
    ("felix_orchard", "fern_orchard"),
    ("ines_marlow", "iris_marlow"),
)

# Training images per class of journey-springfield, largest first: 20,933 in all.
ORIGINAL_COUNTS = (
    *(2246, 1454, 1452, 1354, 1342, 1291, 1206, 1194, 1193, 1079, 986, 913, 877, 623),
    *(498, 469, 457, 358, 310, 246, 181, 128, 121, 106, 103, 98, 89, 72),
    *(71, 65, 55, 47, 45, 42, 40, 32, 27, 27, 17, 8, 8, 3),
)


def training_counts(order: list[str]) -> dict[str, int]:
    """Training images per character: 3 · (n / 3)^0.68 for the homework's n, so 3 remains 3, and 2,246 becomes 270.

    `order` lists the characters from most to fewest. Fewer than 42 characters get evenly spaced counts of this tail.
    """
    picks = [round(i * (len(ORIGINAL_COUNTS) - 1) / max(1, len(order) - 1)) for i in range(len(order))]
    return {name: round(3 * (ORIGINAL_COUNTS[k] / 3) ** 0.68) for name, k in zip(order, picks, strict=True)}

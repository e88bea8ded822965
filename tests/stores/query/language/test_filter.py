"""What filters mean, on documents in MongoDB; how wrong ones are answered."""

import pickle

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.query.language.conditions import only_elements
from exfolio.stores.query.language.fields import fields_of
from exfolio.stores.query.language.filter import compile_filter
from exfolio.stores.query.language.grammar import MAX_LENGTH, MAX_NESTING, parse
from exfolio.stores.query.language.query_errors import FilterError
from exfolio.stores.query.search import Search
from optimade.filterparser import LarkParser


def matches(registry: Connection, filter_: str, collection: str = "materials") -> list[str]:
    search = Search(collection, filter_)
    return [doc[search.known.key].removeprefix("bulk:") for doc in search.documents(registry)]


@pytest.mark.parametrize(
    ("filter_", "keys"),
    [
        ('elements HAS "Mn"', ["limno2", "mno", "mno2"]),
        ('elements HAS ALL "Mn","O" AND _exfolio_energy_above_hull <= 0.08', ["mno", "mno2"]),
        ('elements HAS ANY "Ti","Na"', ["nacl", "tio2"]),
        ('elements HAS ONLY "Mn","O","Ti"', ["mno", "mno2", "tio2"]),
        ("elements LENGTH 3", ["limno2"]),
        ("elements LENGTH >= 3", ["limno2"]),
        ("nelements != 2", ["limno2"]),
        ("3 <= nelements", ["limno2"]),
        ('id = "bulk:mno"', ["mno"]),
        ("layered = TRUE", ["mos2"]),
        ("layered = FALSE", ["mno", "nacl"]),
        ("layered IS UNKNOWN", ["limno2", "mno2", "tio2"]),
        ("layered IS KNOWN AND band_gap IS KNOWN", ["mos2", "nacl"]),
        ("space_group.number = 194", ["mos2"]),
        ("_exfolio_space_group_number > 193", ["mos2"]),
        ("space_group_it_number = 194", ["mos2"]),
        ('methods.band_gap = "PBE"', ["mos2"]),
        ('formula STARTS WITH "Mn"', ["mno", "mno2"]),
        ('formula ENDS "2" AND formula CONTAINS "O"', ["limno2", "mno2", "tio2"]),
        ('chemical_formula_reduced = "O2Ti"', ["tio2"]),
        ('formula_reduced = "Mn2O4"', ["mno2"]),
        ('chemical_formula_anonymous = "A2B"', ["mno2", "mos2", "tio2"]),
        ('chemsys = "O-Mn"', ["mno", "mno2"]),
        ('origins.id = "/data/bulk.json" AND nsites > 7', ["limno2"]),
        ("band_gap > energy_above_hull AND nsites = 6", ["mno2", "mos2"]),
        ('(nsites = 2 OR nsites = 8) AND elements HAS "Mn"', ["limno2", "mno"]),
        ('last_modified > "2020-01-01" AND last_modified < "2021-01-01T00:00:00Z"', []),
        ("", ["limno2", "mno", "mno2", "mos2", "nacl", "tio2"]),
    ],
)
def test_what_a_filter_finds(registry: Connection, filter_: str, keys: list[str]) -> None:
    assert matches(registry, filter_) == keys


GAPLESS = {"limno2", "mno"}


@pytest.mark.parametrize(
    ("comparison", "neither"),
    [
        ("band_gap < 2", GAPLESS),
        ("band_gap != 3.0", GAPLESS),
        ('elements HAS "Mn"', set()),
        ('elements HAS ALL "Mn","O"', set()),
        ('elements HAS ANY "Mn","Cl"', set()),
        ('elements HAS ONLY "Mn","O"', set()),
        ('formula CONTAINS "O"', set()),
        ("elements LENGTH > 2", set()),
        ("elements LENGTH 2", set()),
        ("deprecation_reasons LENGTH < 1", {"limno2", "mno", "mno2", "mos2", "nacl", "tio2"}),
        ("layered = TRUE", {"limno2", "mno2", "tio2"}),
        ("layered IS KNOWN", set()),
        ('origins.id = "/data/bulk.json"', set()),
        ('origins.id != "/data/bulk.json"', set()),
        ("band_gap > energy_above_hull", {*GAPLESS, "tio2"}),
        ('elements HAS "Mn" AND band_gap < 2 AND nsites = 6', set()),
        ('elements HAS "Cl" OR band_gap < 2', GAPLESS),
        ("NOT (layered = TRUE OR band_gap > 2)", {"limno2", "mno2", "mno"}),
    ],
)
def test_a_negation_gives_the_rest_but_what_is_not_known(
    registry: Connection, comparison: str, neither: set[str]
) -> None:
    positive, negative = set(matches(registry, comparison)), set(matches(registry, f"NOT ({comparison})"))

    assert not positive & negative
    assert set(matches(registry, "")) - positive - negative == neither
    assert set(matches(registry, f"NOT (NOT ({comparison}))")) == positive


@pytest.mark.parametrize(
    ("comparison", "matching", "not_matching"),
    [
        ('elements HAS ONLY "Mn","O"', {"MnO"}, {"TiMnO3", "none"}),
        ('elements HAS ONLY "Cl"', set(), {"MnO", "TiMnO3", "none"}),
        ('elements HAS ALL "Mn","O"', {"MnO", "TiMnO3"}, {"none"}),
        ('elements HAS ANY "Ti","Cl"', {"TiMnO3"}, {"MnO", "none"}),
        ('elements HAS "Mn"', {"MnO", "TiMnO3"}, {"none"}),
    ],
)
def test_a_document_without_the_list_meets_neither_a_condition_on_it_nor_its_negation(
    connection: Connection, comparison: str, matching: set[str], not_matching: set[str]
) -> None:
    collection = connection.database["lists"]
    collection.insert_many(
        [
            {"_id": "MnO", "elements": ["Mn", "O"]},
            {"_id": "TiMnO3", "elements": ["Mn", "O", "Ti"]},
            {"_id": "none", "elements": []},
            {"_id": "unknown", "elements": None},
            {"_id": "absent"},
        ]
    )
    fields = fields_of("materials")
    assert set(collection.distinct("_id", only_elements(fields, ["Mn", "O"]))) == {"MnO"}
    assert set(collection.distinct("_id", compile_filter(comparison, fields))) == matching
    assert set(collection.distinct("_id", compile_filter(f"NOT ({comparison})", fields))) == not_matching


def test_an_unknown_value_decides_only_where_nothing_else_does(registry: Connection) -> None:
    assert matches(registry, "band_gap > 100 OR nsites = 8") == ["limno2"]
    assert matches(registry, "NOT (band_gap < 2 AND nsites = 8)") == ["mno", "mno2", "mos2", "nacl", "tio2"]


def test_the_gates_of_candidates_can_be_asked_for(registry: Connection) -> None:
    assert matches(registry, 'gates.verdict = "failed"', "candidates") == ["two-dimensional/st-77aa00000000beef"]
    assert matches(registry, 'gates.verdict HAS ANY "failed","passed"', "candidates") != []
    assert matches(registry, 'NOT gates.verdict = "failed"', "candidates") == ["two-dimensional/st-1890e1f5735df206"]


@pytest.mark.parametrize("text", [".*", "^", "50% (a.b)*c", "$where", "\\", 'say "MoS2"', "[", "(?i)mos2", "a|b", "\n"])
def test_text_is_never_a_pattern(registry: Connection, text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    expected = ["limno2"] if text == "50% (a.b)*c" else []
    for how in ("CONTAINS", "STARTS WITH", "ENDS WITH"):
        assert matches(registry, f"extra.note {how} {quoted}") == expected, "only itself is found"
    assert matches(registry, f"formula = {quoted}") == []


def test_the_end_of_a_text_is_its_end(registry: Connection) -> None:
    assert compile_filter('formula ENDS WITH "S2"', fields_of("materials")) == {"formula": {"$regex": r"S2\z"}}
    assert matches(registry, 'formula ENDS WITH "S2"') == ["mos2"]


@pytest.mark.parametrize(
    ("filter_", "column", "message", "remedy"),
    [
        ("ehul < 1", 1, "no field 'ehul'", "energy_above_hull"),
        ("nsites = 6 AND bandgap < 1", 16, "no field 'bandgap'", "band_gap"),
        ('energy_above_hull <= "0.08"', 22, "energy_above_hull is a number in eV/atom, not text", "without quotes"),
        ("formula = 3", 11, "formula is text, not a number", "double quotes"),
        ("layered = 1", 11, "layered is true or false, not a number", "TRUE or FALSE"),
        ("layered = true", 11, "'true' is no field", "Write TRUE."),
        ("layered = False", 11, "'False' is not known", "Write FALSE."),
        ("layered > TRUE", 11, "> does not go with", "= or !="),
        ('elements = "Mn"', 12, "elements is a list", "HAS"),
        ('formula HAS "Mn"', 1, "HAS is for lists", "formula ="),
        ("elements HAS 3", 14, "elements is text, not a number", ""),
        ("structure = 3", 13, "structure is an object", "structure."),
        ("formula = MoS2", 11, "'MoS2' cannot stand here", '"MoS2"'),
        ("source = bulk", 10, "'bulk' is no field", '"bulk"'),
        ('elements has "Mn"', 10, "'has' is not known", "HAS"),
        ('elements HAS "Mn", "O"', 18, "',' cannot stand here", "HAS ALL"),
        ("formula = 'MoS2'", 11, "cannot stand here", "double quotes"),
        ('formula = "MoS2', 11, "closing quotation mark", ""),
        ("nsites = 1 nsites = 2", 12, "AND or OR is missing", ""),
        ("(nsites = 1", 12, "ends too early", "parenthesis"),
        ("nsites", 7, "ends too early", "After a name"),
        ("nsites =", 9, "ends too early", "A value is missing"),
        ("band_gap = 1e999", 12, "too large", ""),
        ("nsites = 99999999999999999999", 10, "too large", ""),
        (f"nsites = {'9' * 400}", 10, "too large", ""),
        (f"nsites = {'9' * 5_000}", 10, "too large", ""),
        ("elements LENGTH 9223372036854775808", 17, "too large", ""),
        ('formula_reduced = "Qq2"', 19, "no formula", ""),
        ('formula_reduced = "TIO2"', 19, "an isotope of hydrogen", ""),
        ('formula_reduced = "CuSO4.5 H2O"', 19, "hydrate", ""),
        ('updated_at > "yesterday"', 14, "no date", "2026-01-31"),
        ('"a" = "b"', 7, "a value is compared with a value", ""),
        ('nelements:elements HAS 1:"Mn"', 1, "element by element", ""),
        ("methods.$where = 1", 9, "cannot stand here", ""),
        ('formula = "a\0"', 13, "U+0000", ""),
        ("formula > nsites", 11, "can't be compared", ""),
    ],
)
def test_a_wrong_filter_is_answered_with_the_place_and_the_remedy(
    filter_: str, column: int, message: str, remedy: str
) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(filter_, fields_of("materials"))

    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.column == column
    first, shown, pointer = caught.value.message.split("\n")
    assert first.startswith(f"filter, column {column}: ")
    assert pointer.index("^") - 4 == column - 1, f"the pointer is not under the place:\n{shown}\n{pointer}"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_value_that_a_field_never_has_is_an_error() -> None:
    with pytest.raises(FilterError, match="status is never 'promotd'") as caught:
        compile_filter('status = "promotd"', fields_of("candidates"))

    assert "Did you mean 'promoted'?" in caught.value.remedy


def test_a_filter_as_long_and_deep_as_allowed_is_answered(registry: Connection) -> None:
    deep = "nsites > 0"
    for _ in range(MAX_NESTING):
        deep = f"(nsites = 6 AND ({deep}) OR nsites = 99)" if deep.count("(") < MAX_NESTING - 2 else deep
    long = " OR ".join(["nsites = 8"] * (MAX_LENGTH // len(" OR nsites = 8")))

    assert matches(registry, deep) == ["mno2", "mos2", "tio2"]
    assert matches(registry, long) == ["limno2"]
    with pytest.raises(FilterError, match="nested deeper"):
        parse("(" * (MAX_NESTING + 1) + "nsites = 1" + ")" * (MAX_NESTING + 1))
    with pytest.raises(FilterError, match="characters are more than"):
        parse(f"{long} OR {long}")
    assert parse('formula = "' + "(" * 99 + '"') is not None, "parentheses in a text do not count"


@pytest.mark.parametrize(
    "filter_",
    [
        'elements HAS ALL "Mn","O" AND _exfolio_energy_above_hull <= 0.08',
        'NOT (a = 1 OR b.c STARTS WITH "x\\"y") AND elements LENGTH >= 3',
        "1.5e-3 < band_gap AND a IS KNOWN OR b IS UNKNOWN",
        'a ENDS "x" AND e HAS ANY "O", "S" AND e HAS ONLY "O"',
        "a < b AND c = -3",
    ],
)
def test_trees_are_those_of_optimades_own_parser(filter_: str) -> None:
    """Up to punctuation, which is kept here because it tells TRUE from FALSE."""

    def shape(node: object) -> object:
        if not hasattr(node, "children"):
            return str(node)
        kept = [
            child
            for child in node.children
            if hasattr(child, "children") or child.type not in ("LPAR", "RPAR", "COMMA", "DOT", "_AND", "_OR")
        ]
        return str(node.data), [shape(child) for child in kept]

    [theirs] = LarkParser().parse(filter_).children
    assert shape(parse(filter_)) == shape(theirs)

"""Rows of chosen tables come out of a MySQL dump as the server would read them, and a damaged one says so."""

import gzip
from typing import Any

import pytest
from exfolio.builders.sources.files.mysql_dump import TableRows, table_rows
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.records.raw_record import BadRecord

HEAD = """-- MySQL dump 10.13  Distrib 8.0.34, for Win64 (x86_64)
DROP TABLE IF EXISTS `atoms`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `atoms` (
  `id` int NOT NULL AUTO_INCREMENT,
  `element_id` varchar(9) DEFAULT NULL,
  `x` double NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `element_id_refs` FOREIGN KEY (`element_id`) REFERENCES `elements` (`symbol`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
INSERT INTO `others` VALUES (1,'INSERT INTO `atoms` VALUES (9,\\'X\\',9);');
"""
WANTED = {"atoms": ("x", "element_id")}


def rows_of(path: Any) -> list[Any]:
    read = list(table_rows(path, WANTED))
    return [row for part in read if isinstance(part, TableRows) for row in part.rows] + [
        part.reason for part in read if isinstance(part, BadRecord)
    ]


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("INSERT INTO `atoms` VALUES (1,'Ca',0.5),(2,NULL,-1e-05);", [("0.5", "Ca"), ("-1e-05", None)]),
        # signs that separate, within a text; both ways to write a quotation mark; a line break
        ("INSERT INTO `atoms` VALUES (1,'a),(b',0.5);", [("0.5", "a),(b")]),
        (r"INSERT INTO `atoms` VALUES (1,'it\'s',1),(2,'it''s\n',2);", [("1", "it's"), ("2", "it's\n")]),
        (
            "INSERT INTO `atoms` (`x`, `id`, `element_id`) VALUES\n(0.25, 1, 'O'),\n(0.75, 2, 'O');",
            [("0.25", "O"), ("0.75", "O")],
        ),
        ("INSERT INTO `atoms` VALUES (1,'Ca');", ["a row of the table atoms does not have its 3 values"]),
        ("INSERT INTO `atoms` VALUES (1,'Ca',0.5),(2,'O',", ["the last statement has no end"]),
    ],
)
def test_statements(write: Any, statement: str, rows: list[Any]) -> None:
    assert rows_of(write("dump.sql", f"{HEAD}{statement}\n-- Dump completed on 2026-01-01\n")) == rows


def test_a_dump_that_breaks_off_or_lacks_a_column(write: Any) -> None:
    whole = gzip.compress((HEAD + "INSERT INTO `atoms` VALUES (1,'Ca',0.5);\n" * 9).encode())

    assert "damaged or cut short" in rows_of(write("cut.sql.gz", whole[:-20]))[-1]
    with pytest.raises(SourceFileError, match="lacks the columns x of the table atoms"):
        rows_of(write("old.sql", HEAD.replace("`x`", "`y`") + "INSERT INTO `atoms` VALUES (1,'Ca',0.5);\n"))

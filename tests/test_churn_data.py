"""The customers: IBM's table in the competition's columns, Kaggle's files, and every kind of bad table."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from churn import data, submit
from churn.config import CONFIGS
from churn.telco import COLUMNS, EMBEDDED, SPLIT, match_rows, read_telco, split_telco
from coursework import datasets


@pytest.fixture(scope="module")
def telco():
    return read_telco()


@pytest.fixture
def table(telco):
    """A fresh copy of 60 customers, both kinds among them."""
    return telco.head(60).copy()


def test_the_published_table_becomes_the_competitions(telco):
    assert datasets.sha256(EMBEDDED) == "73463fc1e61b5012749619b28e76f9b2366d525996c8f934cc4b2518fec9437f"
    assert telco.shape == (7043, 20)
    assert list(telco.columns) == [*COLUMNS]
    assert telco["Churn"].value_counts().to_dict() == {0: 5174, 1: 1869}
    assert (telco["TotalSpent"] == " ").sum() == 11
    assert telco.duplicated().sum() == 22
    assert not telco.isna().any().any()
    first = telco.iloc[0]
    assert first[["ClientPeriod", "MonthlySpending", "TotalSpent", "Sex"]].tolist() == [1, 29.85, "29.85", "Female"]
    assert first[["HasPartner", "HasChild", "HasContractPhone", "Churn"]].tolist() == ["Yes", "No", "Month-to-month", 0]


def test_amounts_keep_every_digit(telco):
    published = pd.read_csv(EMBEDDED)["total_charges"]
    assert np.array_equal(pd.to_numeric(telco["TotalSpent"].str.strip(), errors="coerce"), published, equal_nan=True)


def test_the_split_is_the_competitions(telco):
    """The first rows of the competition's two files, and its sizes; the labels are those of IBM's table."""
    train, test = split_telco(telco)
    assert (len(train), len(test)) == (5282, 1761)
    columns = ["ClientPeriod", "MonthlySpending", "TotalSpent"]
    assert train[columns].iloc[:2].values.tolist() == [[55, 19.5, "1026.35"], [72, 25.85, "1872.2"]]
    assert train["Churn"].iloc[:2].tolist() == [0, 0]
    assert test[columns].iloc[:1].values.tolist() == [[42, 56.1, "2386.85"]]
    both = pd.concat([train, test]).sort_values(list(telco.columns)).reset_index(drop=True)
    assert both.equals(telco.sort_values(list(telco.columns)).reset_index(drop=True))


@pytest.mark.parametrize(
    "spoil_split",
    [
        lambda split: split.iloc[:-1],
        lambda split: split.assign(row=split["row"].replace(5, 6)),
        lambda split: split.assign(part="train"),
        lambda split: split.assign(part=split["part"].replace("test", "exam")),
    ],
)
def test_a_damaged_list_of_rows_is_refused(telco, tmp_path, spoil_split):
    spoil_split(pd.read_csv(SPLIT)).to_csv(tmp_path / "split.csv", index=False)
    with pytest.raises(ValueError, match=r"split\.csv: expected each row from 0 to 7042 once, as train or test"):
        split_telco(telco, tmp_path / "split.csv")


def test_the_rows_of_the_competitions_files_are_found_again(telco):
    """Files made with other row numbers, in Kaggle's columns: the list leads back to the same customers."""
    table = data.clean(telco).assign(Churn=telco["Churn"])
    order = np.random.default_rng(0).permutation(len(table))
    train, test = table.iloc[order[:5000]], table.iloc[order[5000:]]
    split = match_rows(table, train, test.drop(columns="Churn"), "Churn")
    assert sorted(split["row"]) == list(range(len(table)))
    assert split["part"].tolist() == ["train"] * 5000 + ["test"] * 2043
    assert table.iloc[split["row"][:5000]].reset_index(drop=True).equals(train.reset_index(drop=True))
    found = table.iloc[split["row"][5000:]].reset_index(drop=True)
    assert found[data.FEATURES].equals(test[data.FEATURES].reset_index(drop=True))
    assert found["Churn"].sum() == test["Churn"].sum()
    with pytest.raises(ValueError, match="row 0 of train and its target are not in the table"):
        match_rows(table, train.assign(ClientPeriod=99.0), test, "Churn")


def test_equal_customers_with_different_labels_are_told_apart_by_training_labels(table):
    table = data.clean(table).assign(Churn=table["Churn"])
    twins = pd.concat([table.iloc[[0, 0]], table.iloc[1:3]], ignore_index=True)
    twins.loc[[0, 1], "Churn"] = [0, 1]
    split = match_rows(twins, twins.iloc[[1, 2]], twins.iloc[[3, 0]].drop(columns="Churn"), "Churn")
    assert split["row"].tolist() == [1, 2, 3, 0]


def test_test_labels_are_those_of_the_published_table(telco):
    customers = data.load_customers(CONFIGS["tiny"])
    labels = data.load_test_labels(customers.test)
    assert labels.equals(split_telco(telco)[1]["Churn"])
    assert data.load_test_labels(customers.test.iloc[::-1].reset_index(drop=True)) is None
    assert data.load_test_labels(customers.train) is None


def test_the_loader_does_not_hand_out_test_labels():
    customers = data.load_customers(CONFIGS["sample"])
    assert list(customers.test.columns) == data.FEATURES
    assert "Churn" not in customers.train.columns
    assert not {field.name for field in fields(customers)} & {"answers", "test_labels"}


def test_the_embedded_customers_are_loaded(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    customers = data.load_customers(CONFIGS["sample"])
    assert customers.train.shape == (5282, 19)
    assert customers.test.shape == (1761, 19)
    assert customers.name == "telco"


def test_tiny_keeps_the_churn_rate():
    customers = data.load_customers(CONFIGS["tiny"])
    assert len(customers.labels) == 400
    assert customers.labels.mean() == pytest.approx(0.262, abs=0.003)
    assert data.load_customers(CONFIGS["tiny"]).train.equals(customers.train)


@pytest.mark.parametrize("rows", [0, 19, 5282])
def test_impossible_numbers_of_rows_are_refused(rows):
    with pytest.raises(ValueError, match=f"rows is {rows}; expected from 20, below 5,282"):
        data.load_customers(replace(CONFIGS["tiny"], rows=rows))


@pytest.fixture
def kaggle(tmp_path, monkeypatch, telco):
    """The competition's three files in the data folder."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    folder = tmp_path / "churn"
    folder.mkdir()
    train, test = split_telco(telco)
    train.to_csv(folder / "train.csv", index=False)
    test.drop(columns="Churn").to_csv(folder / "test.csv", index=False)
    pd.DataFrame({"Id": range(len(test)), "Churn": 0.5}).to_csv(folder / "submission.csv", index=False)
    return folder


def test_full_uses_kaggles_files_and_their_rows_equal_the_embedded_ones(kaggle):
    customers, embedded = data.load_customers(CONFIGS["full"]), data.load_customers(CONFIGS["sample"])
    assert (customers.name, embedded.name) == ("kaggle", "telco")
    assert customers.train["TotalSpent"].eq(" ").sum() == 9
    assert data.clean(customers.train).equals(data.clean(embedded.train))
    assert data.clean(customers.test).equals(data.clean(embedded.test))
    assert customers.labels.equals(embedded.labels)
    assert data.load_test_labels(customers.test) is not None


def test_the_three_files_must_fit_each_other(kaggle):
    pd.DataFrame({"Id": range(5), "Churn": 0.5}).to_csv(kaggle / "submission.csv", index=False)
    with pytest.raises(ValueError, match=r"submission\.csv: 5 ids, expected 1761, .* does not fit is in row 5"):
        data.load_customers(CONFIGS["full"])
    pd.DataFrame({"Id": [1, 0, *range(2, 1761)], "Churn": 0.5}).to_csv(kaggle / "submission.csv", index=False)
    with pytest.raises(ValueError, match="does not fit is in row 0"):
        data.load_customers(CONFIGS["full"])


HEADERS = {
    "Id": "Id",
    "id": "id",
    "ID": "ID",
    "customerID": "customerID",
    "Unnamed: 0": "Unnamed: 0",
    "": "",
    '"a, b"': "a, b",
}


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("header", HEADERS)
def test_the_submission_has_the_id_column_of_the_sample(kaggle, tmp_path, header, mark):
    rows = "".join(f"{row},0.5\n" for row in range(1761))
    (kaggle / "submission.csv").write_text(f"{mark}{header},Churn\n{rows}", encoding="utf-8")
    customers = data.load_customers(CONFIGS["full"])
    assert customers.id_column == HEADERS[header]
    assert data.take_rows(customers, 100, 0).id_column == HEADERS[header]
    table = submit.build_submission(np.full(1761, 0.5), customers.id_column)
    submit.write_submission(submit.check_submission(table, 1761, customers.id_column), tmp_path / "ours.csv")
    assert (tmp_path / "ours.csv").read_text(encoding="utf-8") == f"{header},Churn\n{rows}"


@pytest.mark.fault("a byte order mark at the start of the competition's files (3W)", "read as if it were not there")
def test_byte_order_marks_are_no_part_of_a_name(kaggle):
    plain = data.load_customers(CONFIGS["full"])
    for name in data.FILES:
        (kaggle / name).write_bytes(b"\xef\xbb\xbf" + (kaggle / name).read_bytes())
    marked = data.load_customers(CONFIGS["full"])
    assert marked.train.equals(plain.train)
    assert marked.test.equals(plain.test)
    assert marked.id_column == plain.id_column == "Id"


@pytest.mark.parametrize("header", ["Id,churn", "Churn,Churn", "Id,Churn,Sex", "Churn"])
def test_a_sample_submission_without_ids_or_target_is_refused(kaggle, header):
    rows = "".join(",".join(["0"] * (header.count(",") + 1)) + "\n" for _ in range(1761))
    (kaggle / "submission.csv").write_text(f"{header}\n{rows}")
    with pytest.raises(
        ValueError, match=r"submission\.csv: found the columns .*, expected two, one of ids, with any name"
    ):
        data.load_customers(CONFIGS["full"])


def test_the_order_of_the_samples_columns_does_not_matter(kaggle):
    pd.DataFrame({"Churn": 0.5, "number": range(1761)}).to_csv(kaggle / "submission.csv", index=False)
    assert data.load_customers(CONFIGS["full"]).id_column == "number"


def test_a_file_that_is_missing_beside_the_others_is_named(kaggle):
    (kaggle / "test.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"test\.csv is missing from churn/"):
        data.load_customers(CONFIGS["full"])


def test_a_test_file_with_the_target_is_refused(kaggle):
    (kaggle / "test.csv").write_bytes((kaggle / "train.csv").read_bytes())
    with pytest.raises(ValueError, match=r"test\.csv: holds Churn, which a test part must not"):
        data.load_customers(CONFIGS["full"])


def test_full_without_files_or_token_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))

    def refuse(_):
        raise OSError("no access")

    monkeypatch.setattr("kagglehub.competition_download", refuse)
    with pytest.raises(
        FileNotFoundError, match=r"join the competition .* \(python -m coursework fetch 3W prints the steps\)"
    ):
        data.load_customers(CONFIGS["full"])
    assert "Kaggle: OSError: no access" in capsys.readouterr().out


def test_a_download_that_is_damaged_is_not_called_absent(kaggle, tmp_path, monkeypatch):
    elsewhere = tmp_path / "cache"
    kaggle.rename(elsewhere)
    (elsewhere / "train.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr("kagglehub.competition_download", lambda name: str(elsewhere))
    with pytest.raises(ValueError, match=r"train\.csv: found 2 columns"):
        data.load_customers(CONFIGS["full"])


def test_full_downloads_where_kaggle_allows(kaggle, tmp_path, monkeypatch):
    elsewhere = tmp_path / "cache"
    kaggle.rename(elsewhere)
    monkeypatch.setattr("kagglehub.competition_download", lambda name: str(elsewhere))
    assert data.load_customers(CONFIGS["full"]).name == "kaggle"


def test_an_unknown_source_is_named():
    with pytest.raises(ValueError, match="unknown source 'cloud'; there are: folder, download, embedded"):
        data.load_customers(replace(CONFIGS["tiny"], sources=("cloud",)))


def spoil(column, value):
    def change(table):
        table[column] = table[column].astype(object)
        table.loc[3, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="Sex"), r"missing: \['Sex'\]"),
        (lambda t: t.assign(Age=3), r"not expected: \['Age'\]"),
        (lambda t: t.assign(Sex=" "), r"column Sex is all blank \(60 rows\)"),
        (lambda t: t.assign(MonthlySpending=np.nan), "column MonthlySpending is all blank"),
        (lambda t: t.assign(TotalSpent=""), "column TotalSpent is all blank"),
        (spoil("MonthlySpending", "much"), "column MonthlySpending holds 'much', expected numbers"),
        (
            lambda t: t.assign(MonthlySpending=t["MonthlySpending"].where(t.index != 3)),
            "MonthlySpending is nan in row 3",
        ),
        (lambda t: t.assign(ClientPeriod=-1), "column ClientPeriod is -1 somewhere, expected from 0"),
        (spoil("TotalSpent", "a lot"), "column TotalSpent holds 'a lot', expected an amount or a blank"),
        (spoil("TotalSpent", "-3"), "column TotalSpent holds '-3'"),
        (spoil("TotalSpent", "inf"), "column TotalSpent holds 'inf'"),
        (lambda t: t.assign(Churn=1), "all 60 labels are 1, expected two classes"),
        (lambda t: t.assign(Churn=t["Churn"] + 1), r"column Churn has unknown \[2\]"),
        (lambda t: t.assign(Churn=t["Churn"].map({0: "No", 1: "Yes"})), "labels are .*, expected whole numbers"),
    ],
)
def test_a_bad_table_is_named(table, change, message):
    with pytest.raises(ValueError, match=message):
        data.check_train(change(table), "train.csv")


def test_cleaning_fills_what_follows_from_the_rest(table):
    table.loc[0, ["TotalSpent", "ClientPeriod"]] = [" ", 0]
    table.loc[1, ["TotalSpent", "ClientPeriod", "MonthlySpending"]] = [None, 3, 20.0]
    cleaned = data.clean(table)
    assert cleaned["TotalSpent"].iloc[:2].tolist() == [0, 60]
    assert (cleaned[data.NUMERIC].dtypes == np.float64).all()
    assert cleaned["TotalSpent"].iloc[2:].tolist() == pd.to_numeric(table["TotalSpent"].iloc[2:]).tolist()
    assert data.count_blanks(table, table.iloc[1:])[data.FEATURES.index("TotalSpent")].tolist() == [2, 1]
    assert table["TotalSpent"].iloc[0] == " "


def test_blank_categories_become_one_of_their_own(table):
    table.loc[[2, 5], "PaymentMethod"] = [" ", None]
    cleaned = data.clean(table)
    assert cleaned["PaymentMethod"].iloc[[2, 5]].tolist() == ["unknown", "unknown"]
    assert data.count_blanks(table)[data.FEATURES.index("PaymentMethod")] == 2
    assert all(isinstance(value, str) for value in cleaned["IsSeniorCitizen"])


def test_a_blank_in_one_part_does_not_rename_the_categories_of_the_other(table):
    gappy = table.assign(IsSeniorCitizen=table["IsSeniorCitizen"].astype(float).where(table.index != 4))
    gappy["PaymentMethod"] = gappy["PaymentMethod"] + " "
    train, test = data.clean(table), data.clean(gappy)
    assert data.unseen_categories(train, test) == {"IsSeniorCitizen": 1}
    assert set(test["IsSeniorCitizen"]) <= {"0", "1", "unknown"}


def test_categories_that_training_lacks_are_counted(table):
    train, test = data.clean(table.iloc[:50]), data.clean(table.iloc[50:])
    assert data.unseen_categories(train, test) == {}
    test.loc[55, "PaymentMethod"] = "shells"
    assert data.unseen_categories(train, test) == {"PaymentMethod": 1}

"""The served properties agree with the published contract."""

from pathlib import Path

import pytest

from sandbox.business_central.fields import SETS
from sandbox.business_central.kinds import BY_LINES, KINDS
from sandbox.kit import Json, loads

SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "business-central-api-v2.json"
COMPLETE = (
    "customers",
    "vendors",
    "items",
    "employees",
    "projects",
    "bankAccounts",
    "customerLedgerEntries",
    "trialBalances",
    "customerFinancialDetails",
    "agedAccountsReceivables",
    "journals",
    "journalLines",
    "attachments",
    "documentAttachments",
    "purchaseReceipts",
    "purchaseReceiptLines",
    *KINDS,
    *BY_LINES,
)


@pytest.fixture(scope="module")
def contract() -> dict[str, Json]:
    if not SPEC.is_file():
        pytest.skip("the published contract is not at hand")
    apis = loads(SPEC.read_bytes())["apis"]
    return {name: apis[item.route.removeprefix("api/")]["entities"][name] for name, item in SETS.items()}


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_listed_property_agrees(contract: dict[str, Json], name: str) -> None:
    entity = contract[name]
    published = {item["name"]: item for item in entity["fields"]}
    assert SETS[name].entity == entity["entityName"]
    for field in SETS[name].fields.values():
        item = published[field.name]
        options = [option["odata"] for option in item.get("enumValues", [])]
        assert field.edm_type == item["edmType"], field.name
        assert field.length == item.get("maxLength"), field.name
        assert field.read_only is not item.get("editable", False), field.name
        assert set(field.options) <= set(options), field.name
        assert field.name == "parentType" or list(field.options) == options, field.name


@pytest.mark.parametrize("name", COMPLETE)
def test_the_main_sets_list_every_property_in_page_order(contract: dict[str, Json], name: str) -> None:
    assert list(SETS[name].fields) == [item["name"] for item in contract[name]["fields"]]


@pytest.mark.parametrize("name", sorted(SETS))
def test_access_agrees(contract: dict[str, Json], name: str) -> None:
    rights = {"c": "insertAllowed", "u": "modifyAllowed", "d": "deleteAllowed"}
    allowed = "".join(letter for letter, key in rights.items() if contract[name][key])
    assert SETS[name].access == allowed


@pytest.mark.parametrize("name", sorted(name for name, item in SETS.items() if item.route == "api/v2.0"))
def test_only_eligible_sets_can_be_subscribed_to(contract: dict[str, Json], name: str) -> None:
    assert SETS[name].subscribable is contract[name].get("webhookEligible", False)

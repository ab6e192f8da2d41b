"""The mappings DynaConnect starts with, on records as ConnectWise gives them."""

import pytest

from shared.mapping import Mapped, Prefetched, Wait, business_central, compile_mapping, standard_mapping
from shared.mapping.exact import line_amount
from tests.mapping.support import Json, dec

COMPANY: Json = {
    "id": 42,
    "identifier": "ACME",
    "name": "Acme  Ltd\u200b",
    "deletedFlag": False,
    "types": [{"id": 1, "name": "Client"}, {"id": 2, "name": "Vendor"}],
    "addressLine1": "1 High Street",
    "city": "Llanfairpwllgwyngyllgogerychwyrndrobwll",
    "state": "Wales",
    "zip": "LL61 5UJ",
    "country": {"id": 1, "name": "United Kingdom"},
    "phoneNumber": "01234",
    "website": "acme.example",
    "invoiceToEmailAddress": " ap@acme.example ",
    "currency": {"id": 1, "name": "Pounds Sterling"},
    "billingTerms": {"id": 1, "name": "Net 30 days"},
    "taxIdentifier": "GB1",
    "taxCode": {"name": "Standard"},
    "creditLimit": dec("1000.5"),
    "vendorIdentifier": "v-acme",
}


def target() -> Prefetched:
    context = Prefetched()
    context.add_record("paymentTerms", "code", {"code": "30 DAYS", "id": "terms-30"})
    for number in range(1, 5):
        context.add_link("customer", number, {"number": f"C{number}", "id": f"c-{number}"})
        context.add_link("item", number, {"number": f"I{number}", "id": f"i-{number}"})
    return context


def apply(entity: str, source: Json) -> Mapped:
    return compile_mapping(standard_mapping(entity), business_central()).apply(source, target())


def test_customer() -> None:
    result = apply("customer", COMPANY)
    assert result.ready, result.holds
    assert result.create == {
        "number": "C000042",
        "displayName": "Acme Ltd",
        "type": "Company",
        "addressLine1": "1 High Street",
        "city": "Llanfairpwllgwyngyllgogerychwy",
        "state": "Wales",
        "country": "GB",
        "postalCode": "LL61 5UJ",
        "phoneNumber": "01234",
        "email": "ap@acme.example",
        "website": "acme.example",
        "creditLimit": dec("1000.50"),
        "taxRegistrationNumber": "GB1",
        "currencyCode": "GBP",
        "paymentTermsId": "terms-30",
    }
    assert "number" not in result.change
    assert [warning.where for warning in result.warnings] == ["city"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"deletedFlag": True}, "the company is deleted in ConnectWise"),
        ({"types": [{"name": "Prospect"}]}, "the company is not of type Client or Customer"),
        ({"types": []}, "the company is not of type Client or Customer"),
    ],
)
def test_companies_that_are_no_customers(changes: Json, why: str) -> None:
    assert apply("customer", {**COMPANY, **changes}).why_not == why


@pytest.mark.parametrize(
    ("changes", "kind", "where"),
    [
        ({"currency": {"name": "Galactic Credit"}}, "lookup_missing", "currencyCode"),
        ({"billingTerms": {"name": "Some day"}}, "lookup_missing", "paymentTermsId"),
        ({"billingTerms": {"name": "Net 60 days"}}, "not_in_target", "paymentTermsId"),
        ({"accountNumber": "x" * 21}, "too_long", "number"),
        ({"invoiceToEmailAddress": "x" * 81}, "too_long", "email"),
        ({"creditLimit": 0.1}, "not_exact", "creditLimit"),
        ({"name": " "}, "required_empty", "displayName"),
    ],
)
def test_customers_that_are_held(changes: Json, kind: str, where: str) -> None:
    result = apply("customer", {**COMPANY, **changes})
    assert [(finding.kind, finding.where) for finding in result.holds] == [(kind, where)]


def test_a_known_account_number_is_kept_and_an_unknown_country_is_told() -> None:
    result = apply(
        "customer", {**COMPANY, "accountNumber": "acme1", "country": {"name": "Atlantis"}, "city": "X"}
    )
    assert result.create["number"] == "ACME1"
    assert "country" not in result.create
    assert result.warnings[0].kind == "lookup_missing"
    assert len(apply("customer", {**COMPANY, "name": "x" * 156}).create["displayName"]) == 100


def test_vendor() -> None:
    result = apply("vendor", COMPANY)
    assert result.ready, result.holds
    assert result.create["number"] == "V-ACME"
    assert apply("vendor", {**COMPANY, "vendorIdentifier": None}).create["number"] == "V000042"
    assert not {"taxAreaId", "type", "creditLimit"} & set(result.create)
    assert apply("vendor", {**COMPANY, "types": [], "isVendorFlag": True}).in_scope
    assert apply("vendor", {**COMPANY, "types": []}).why_not == "the company is not a vendor"


ITEM: Json = {
    "id": 7,
    "identifier": "Router/é 9",
    "description": "A router",
    "productClass": "Inventory",
    "inactiveFlag": False,
    "taxableFlag": True,
    "price": dec("10.123456"),
    "cost": dec("0"),
    "unitOfMeasure": {"name": "Each"},
}


def test_item() -> None:
    result = apply("item", ITEM)
    assert result.ready, result.holds
    assert result.create == {
        "number": "ROUTER/E 9",
        "displayName": "A router",
        "type": "Inventory",
        "blocked": False,
        "unitPrice": dec("10.12346"),
        "unitCost": dec("0"),
        "taxGroupCode": "NONTAXABLE",
        "baseUnitOfMeasureCode": "PCS",
    }
    assert set(result.create) - set(result.change) == {"number", "baseUnitOfMeasureCode"}


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"integrationXRef": "X-1"}, "X-1"),
        ({"identifier": "x" * 20}, "X" * 20),
        ({"identifier": "x" * 21}, "P000007"),
        ({"identifier": "測試"}, "P000007"),
        ({"identifier": None}, "P000007"),
    ],
)
def test_item_numbers(changes: Json, number: str) -> None:
    assert apply("item", {**ITEM, **changes}).create["number"] == number


@pytest.mark.parametrize(
    ("product_class", "item_type"),
    [
        ("Inventory", "Inventory"),
        ("Service", "Service"),
        ("Agreement", "Service"),
        ("NonInventory", "Non_x002D_Inventory"),
        ("Bundle", "Non_x002D_Inventory"),
        ("New class", "Non_x002D_Inventory"),
        (None, "Non_x002D_Inventory"),
    ],
)
def test_item_types(product_class: str, item_type: str) -> None:
    assert apply("item", {**ITEM, "productClass": product_class}).create["type"] == item_type


def invoice(*detail: Json, total: str, **changes: Json) -> Json:
    return {
        "invoice": {
            "id": 9,
            "type": "Agreement",
            "customerPO": "PO-1",
            "billToCompany": {"id": 1},
            "agreement": {"id": 1, "name": "Gold care"},
            "dueDate": "2026-12-23T00:00:00Z",
        },
        "transaction": {
            "documentNumber": "INV-9",
            "documentType": "INVOICE",
            "documentDate": "2026-11-23T00:00:00Z",
            "company": {"id": 1},
            "currency": {"currencyCode": "USD"},
            "total": dec(total),
            "taxAccountNumber": "2200",
            "detail": list(detail),
            **changes,
        },
    }


PRODUCT: Json = {
    "glTypeId": "RP",
    "item": {"id": 2, "identifier": "W"},
    "description": "Widget",
    "quantity": -100,
    "itemPrice": dec("5.25"),
    "total": dec("-524.56"),
    "accountNumber": "4000",
}
AGREEMENT: Json = {
    "glTypeId": "RA",
    "accountNumber": "4100",
    "description": "Gold care",
    "total": dec("-100.00"),
}
DISCOUNT: Json = {"glTypeId": "SD", "accountNumber": "4900", "memo": "Discount", "total": dec("24.56")}
TAX: Json = {"glTypeId": "ST", "taxCode": {"name": "State"}, "total": dec("-60.00")}


def test_sales_invoice() -> None:
    result = apply("sales_invoice", invoice(TAX, PRODUCT, AGREEMENT, DISCOUNT, total="660.00"))
    assert result.ready, result.holds
    header = {name: value for name, value in result.create.items() if name != "salesInvoiceLines"}
    assert header == {
        "externalDocumentNumber": "INV-9",
        "invoiceDate": "2026-11-23",
        "postingDate": "2026-11-23",
        "dueDate": "2026-12-23",
        "customerPurchaseOrderReference": "PO-1",
        "customerNumber": "C1",
        "currencyCode": "USD",
    }
    comment, product, agreement, discount, tax = result.create["salesInvoiceLines"]
    assert comment == {"lineType": "Comment", "description": "Agreement: Gold care"}
    assert product == {
        "lineType": "Item",
        "lineObjectNumber": "I2",
        "description": "Widget",
        "quantity": 100,
        "unitPrice": dec("5.2456"),
        "discountAmount": 0,
        "taxCode": "NONTAXABLE",
    }
    assert list(product) == [
        "lineType",
        "lineObjectNumber",
        "description",
        "quantity",
        "unitPrice",
        "discountAmount",
        "taxCode",
    ]
    assert [
        (one["lineType"], one["lineObjectNumber"], one["quantity"], one["unitPrice"])
        for one in (agreement, discount, tax)
    ] == [
        ("Account", "4100", 1, 100),
        ("Account", "4900", 1, dec("-24.56")),
        ("Account", "2200", 1, 60),
    ]
    assert tax["description"] == "State"
    lines = [line for line in result.create["salesInvoiceLines"] if "unitPrice" in line]
    assert sum(line_amount(line["quantity"], line["unitPrice"], 2) for line in lines) == 660
    assert "salesInvoiceLines" not in result.change


def test_a_product_without_item_goes_to_its_account() -> None:
    result = apply("sales_invoice", invoice({**PRODUCT, "item": None}, total="524.56"))
    line = result.create["salesInvoiceLines"][1]
    assert (line["lineType"], line["lineObjectNumber"], line["unitPrice"]) == (
        "Account",
        "4000",
        dec("524.56"),
    )


def test_invoices_that_are_held() -> None:
    unknown = apply("sales_invoice", invoice({**AGREEMENT, "glTypeId": "IA"}, total="0"))
    assert [finding.kind for finding in unknown.holds] == ["line_left_over"]
    cents_off = apply("sales_invoice", invoice(AGREEMENT, total="100.01"))
    assert [finding.kind for finding in cents_off.holds] == ["unbalanced"]
    fraction = apply("sales_invoice", invoice({**AGREEMENT, "total": dec("-100.001")}, total="100.00"))
    assert [finding.kind for finding in fraction.holds] == ["fraction_of_cent"]
    no_account = apply("sales_invoice", invoice({**AGREEMENT, "accountNumber": ""}, total="100.00"))
    assert [finding.where for finding in no_account.holds] == ["salesInvoiceLines[1].lineObjectNumber"]


def test_an_invoice_waits_for_its_customer_and_items() -> None:
    source = invoice({**PRODUCT, "item": {"id": 88}}, total="524.56", company={"id": 77})
    result = apply("sales_invoice", source)
    assert result.waits == (Wait("customer", "77"), Wait("item", "88"))
    assert result.holds == ()
    references = compile_mapping(standard_mapping("sales_invoice"), business_central()).references(source)
    assert references.links == result.waits


@pytest.mark.parametrize("changes", [{"documentType": "CREDIT MEMO"}, {"documentType": "Credit Memo"}])
def test_credit_memos_are_not_invoices(changes: Json) -> None:
    assert (
        apply("sales_invoice", invoice(total="0", **changes)).why_not
        == "credit memos have a mapping of their own"
    )
    assert "no accounting entries" in str(apply("sales_invoice", {"invoice": {"id": 1}}).why_not)


def test_there_is_no_other_standard_mapping() -> None:
    with pytest.raises(KeyError):
        standard_mapping("../customer")

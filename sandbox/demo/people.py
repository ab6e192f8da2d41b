"""The day's companies and items: what ConnectWise holds before anything travels."""

import random
from decimal import Decimal
from typing import Any, Final

from sandbox.stage import Stage

type Record = dict[str, Any]

COMPANIES: Final = 200
ITEMS: Final = 150
CUSTOMER, VENDOR, PROSPECT = {"id": 1}, {"id": 2}, {"id": 3}
NAMES: Final = (
    "Müller & Söhne GmbH",
    "Société Générale d'Électricité",
    "Ångström Löfgren AB",
    "北京科技有限公司",
    "Kancelária Žižka s.r.o.",
    'O\'Brien & Daughters "Bakery"',
    "The Very Long Established Family Company of Northern Accountants, Bookkeepers and Auditors in Towns LLP",
    "Ærø Færgefart A/S",
    "Smith; Jones, Brown (Holdings) #1 / 50%",
    "Große Straße 12 Verwaltungs-KG",
)
COUNTRIES: Final = ("United States", "Germany", "France", "United Kingdom", "Canada")
CITIES: Final = (
    "Tampa",
    "Zürich",
    "Saint-Rémy-de-Provence",
    "London",
    "Llanfairpwllgwyngyllgogerychwyrndrobwll",
)
TERMS: Final = ({"id": 1}, {"id": 2}, {"id": 3})
CURRENCIES: Final = ({"id": 1}, {"id": 1}, {"id": 1}, {"id": 3}, {"id": 4})
CLASSES: Final = ("Inventory", "NonInventory", "Service", "Agreement", "Bundle")


def companies(chance: random.Random) -> list[Record]:
    """200 companies: 130 customers, 25 vendors, 15 of both kinds, 30 prospects."""
    made = []
    for number in range(COMPANIES):
        types = [CUSTOMER] if number < 130 else [VENDOR] if number < 155 else [CUSTOMER, VENDOR]
        types = [PROSPECT] if number >= 170 else types
        name = f"{NAMES[number % len(NAMES)]} {number}" if number % 4 == 0 else f"Company {number} Ltd"
        made.append(
            {
                "identifier": f"Company{number:04d}",
                "name": name[:156],
                "types": types,
                "addressLine1": f"{chance.randint(1, 999)} High Street",
                "city": chance.choice(CITIES),
                "zip": f"{chance.randint(10000, 99999)}",
                "phoneNumber": f"+1 813 555 {number:04d}",
                "invoiceToEmailAddress": f"invoices{number}@example.com",
                "website": f"https://company{number}.example.com",
                "billingTerms": TERMS[number % 3],
                "currency": CURRENCIES[number % 5],
                "isVendorFlag": VENDOR in types,
            }
        )
    return made


def items(chance: random.Random) -> list[Record]:
    """150 catalog items of every class; every tenth price has fractions of a cent."""
    made = []
    for number in range(ITEMS):
        price = Decimal(chance.randint(100, 90_000)) / 100
        if number % 10 == 0:
            price += Decimal("0.0037")
        made.append(
            {
                "identifier": f"ITEM-{number:04d}"
                if number % 7
                else f"Überlange Artikelnummer ~{number:04d}~ Größe L",
                "description": f"Item {number}, Größe {number % 5}",
                "customerDescription": f"Item {number}",
                "subcategory": {"id": 1, "name": "General"},
                "type": {"id": 1, "name": "General"},
                "productClass": CLASSES[number % len(CLASSES)],
                "unitOfMeasure": {"id": 1, "name": "Each"},
                "price": price,
                "cost": (price / 2).quantize(Decimal("0.01")),
                "taxableFlag": number % 2 == 0,
            }
        )
    return made


async def reference_data(stage: Stage) -> None:
    """What an implementer sets up in Business Central: the codes and accounts that the mappings name."""
    terms = (("30 DAYS", "30D"), ("14 DAYS", "14D"))
    await stage.in_business_central(
        "records",
        {
            "set": "paymentTerms",
            "records": [{"code": c, "displayName": c.title(), "dueDateCalculation": d} for c, d in terms],
        },
    )
    accounts = {
        "4000": "Service revenue",
        "4010": "Product revenue",
        "4020": "Agreement products",
        "4030": "Agreement revenue",
        "4040": "Rebilled expenses",
        "4900": "Discounts given",
        "2100": "Deferred revenue",
        "2200": "Sales tax collected",
    }
    await stage.in_business_central(
        "records",
        {
            "set": "accounts",
            "records": [
                {"number": number, "displayName": name, "accountType": "Posting", "directPosting": True}
                for number, name in accounts.items()
            ],
        },
    )
